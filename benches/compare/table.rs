//! The table: medians of the pairs, their ratio with its spread, and what it owes.

use std::fmt::Write as _;

use super::Outcome;
use super::cases::{Case, Of, Target};
use super::run::Figures;

/// Marks of the beginning and the end of the table in docs/compare.md.
const BEGIN: &str = "<!-- benches/compare writes from here -->\n";
const END: &str = "<!-- to here -->";

/// A row and what came of it.
pub(crate) struct Row<'a> {
    pub(crate) case: &'a Case,
    pub(crate) outcome: Result<Outcome, String>,
}

/// How a row stands to what it owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It owes nothing.
    Free,
    Goal,
    AtLeast,
    Missed,
    Failed,
}

impl Verdict {
    fn words(self) -> &'static str {
        match self {
            Verdict::Free => "",
            Verdict::Goal => "goal",
            Verdict::AtLeast => "yes",
            Verdict::Missed => "**missed**",
            Verdict::Failed => "**failed**",
        }
    }
}

/// FreeRADIUS by Portvakt, pair by pair; for rates the other way round.
#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    median: f64,
    least: f64,
    most: f64,
}

impl Ratio {
    fn of(outcome: &Outcome, of: Of) -> Option<Self> {
        let pairs = outcome.theirs.iter().zip(&outcome.ours);
        let ratio = |(theirs, ours): (&Figures, &Figures)| match of {
            Of::Cpu => theirs.cpu_us / ours.cpu_us,
            Of::Rate => ours.per_second / theirs.per_second,
        };
        let ratios: Vec<f64> = pairs.map(ratio).collect();
        Some(Self {
            median: median(&ratios)?,
            least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            most: ratios.iter().copied().fold(0.0, f64::max),
        })
    }

    fn words(self) -> String {
        let digits = if self.median < 100.0 { 2 } else { 0 };
        let [median, least, most] =
            [self.median, self.least, self.most].map(|ratio| format!("{ratio:.digits$}"));
        format!("{median} ({least}–{most})")
    }
}

impl Row<'_> {
    fn ratio(&self) -> Option<Ratio> {
        Ratio::of(self.outcome.as_ref().ok()?, self.case.ratio)
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let judge = |Target { at_least, goal }, ratio: Ratio| match ratio.median {
            median if median >= goal => Verdict::Goal,
            median if median >= at_least => Verdict::AtLeast,
            _ => Verdict::Missed,
        };
        match (&self.outcome, self.case.target, self.ratio()) {
            (Err(_), ..) => Verdict::Failed,
            (Ok(_), Some(owed), Some(ratio)) => judge(owed, ratio),
            _ => Verdict::Free,
        }
    }

    fn cells(&self) -> [String; 8] {
        let none = Vec::new();
        let (theirs, ours) = match &self.outcome {
            Ok(outcome) => (&outcome.theirs, &outcome.ours),
            Err(_) => (&none, &none),
        };
        let both = |figure: fn(&Figures) -> f64, digits| {
            let one = |of: &[Figures]| shown(of, figure, digits);
            format!("{} / {}", one(theirs), one(ours))
        };
        [
            self.case.title.to_owned(),
            cpu(theirs),
            cpu(ours),
            self.ratio().map_or_else(dash, Ratio::words),
            self.owed(),
            both(|figures| figures.per_second, 0),
            both(|figures| figures.p50_us as f64 / 1e3, 1),
            both(|figures| figures.p99_us as f64 / 1e3, 1),
        ]
    }

    fn owed(&self) -> String {
        let words = self.verdict().words();
        match self.case.target {
            Some(Target { at_least, goal }) => format!("{at_least} / {goal}: {words}"),
            None if words.is_empty() => dash(),
            None => words.to_owned(),
        }
    }
}

const HEAD: [&str; 8] = [
    "Log-on",
    "FreeRADIUS, CPU µs",
    "Portvakt, CPU µs",
    "ratio (spread)",
    "at least / goal",
    "log-ons/s, F / P",
    "p50 ms, F / P",
    "p99 ms, F / P",
];

/// The table in Markdown, which a terminal shows well too.
pub(crate) fn markdown(rows: &[Row<'_>]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        text.push('|');
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, " {cell:<width$} |");
        }
        text.push('\n');
        if number == 0 {
            text.push('|');
            for width in &widths {
                let _ = write!(text, " {:-<width$} |", "");
            }
            text.push('\n');
        }
    }
    text
}

/// The page with the table between the marks replaced.
///
/// # Errors
/// There are no such marks.
pub(crate) fn into_page(page: &str, block: &str) -> Result<String, String> {
    let missing = || format!("docs/compare.md lacks {BEGIN:?} or {END:?}");
    let (head, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (_, tail) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{head}{BEGIN}{block}{END}{tail}"))
}

fn cpu(of: &[Figures]) -> String {
    let server = shown(of, |figures| figures.cpu_us, 1);
    let slapd: Vec<f64> = of.iter().filter_map(|figures| figures.slapd_us).collect();
    match median(&slapd) {
        Some(slapd) => format!("{server} + {slapd:.1} in slapd"),
        None => server,
    }
}

fn shown(of: &[Figures], figure: fn(&Figures) -> f64, digits: usize) -> String {
    let values: Vec<f64> = of.iter().map(figure).collect();
    median(&values).map_or_else(dash, |median| format!("{median:.digits$}"))
}

fn dash() -> String {
    "–".to_owned()
}

/// The middle one, or between the two in the middle; nothing of nothing.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    match sorted.len() % 2 {
        0 => Some((sorted.get(sorted.len() / 2 - 1)? + upper) / 2.0),
        _ => Some(*upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::cases::CASES;

    fn figures(cpu_us: f64) -> Figures {
        Figures {
            cpu_us,
            slapd_us: None,
            per_second: 1e6 / cpu_us,
            p50_us: 1,
            p99_us: 2,
            trips: 1.0,
            log_ons: 1,
            resumed: 0,
            sent_again: 0,
            resident: 0,
        }
    }

    fn row(theirs: &[f64], ours: &[f64]) -> Row<'static> {
        let all = |of: &[f64]| of.iter().copied().map(figures).collect();
        Row {
            case: CASES.iter().find(|case| case.id == "pap").unwrap(),
            outcome: Ok(Outcome {
                id: "pap",
                kept: "",
                theirs: all(theirs),
                ours: all(ours),
            }),
        }
    }

    #[test]
    fn ratio_is_of_each_pair_and_not_of_the_medians() {
        let row = row(&[10.0, 40.0, 30.0], &[10.0, 10.0, 20.0]);
        assert_eq!(row.ratio().unwrap().words(), "1.50 (1.00–4.00)");
        assert_eq!(row.verdict(), Verdict::Missed);
    }

    #[test]
    fn verdict_is_by_what_the_row_owes() {
        assert_eq!(row(&[17.0], &[10.0]).verdict(), Verdict::AtLeast);
        assert_eq!(row(&[23.0], &[10.0]).verdict(), Verdict::Goal);
        let failed = Row {
            outcome: Err("a wrong answer".into()),
            ..row(&[], &[])
        };
        assert_eq!(failed.verdict(), Verdict::Failed);
        assert!(markdown(&[failed]).contains("**failed**"));
    }

    #[test]
    fn table_takes_the_place_between_its_marks() {
        let page = format!("before\n{BEGIN}old\n{END}\nafter\n");
        let page = into_page(&page, "new\n").unwrap();
        assert_eq!(page, format!("before\n{BEGIN}new\n{END}\nafter\n"));
        assert!(into_page("no marks", "new").is_err());
    }
}
