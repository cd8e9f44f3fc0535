//! Charts of a report, as SVG.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{ClassReport, PhaseReport};

type Failure = DrawingAreaErrorKind<std::io::Error>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Width and height, in pixels.
const SIZE: (u32, u32) = (860, 320);
/// Room on the right for half of the last label of the axis, in pixels.
const RIGHT_MARGIN: u32 = 36;

/// Latency of each class by percentile.
pub(super) fn latencies(phase: &PhaseReport) -> Result<String, Failure> {
    drawn(|area| {
        let longest = phase.classes.iter().map(|class| class.latency.max_us);
        let longest = milliseconds(longest.max().unwrap_or(1)).max(0.01);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_right(RIGHT_MARGIN)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .caption("Latency by share of log-ons", ("sans-serif", 16))
            // Nines: 1 is 90 %, 2 is 99 %, 3 is 99.9 %.
            .build_cartesian_2d(0.0..4.0, (0.01..longest).log_scale())?;
        chart
            .configure_mesh()
            .x_labels(5)
            .x_label_formatter(&share_of_nines)
            .y_desc("milliseconds")
            .draw()?;
        for (index, class) in phase.classes.iter().enumerate() {
            let colour = Palette99::pick(index).to_rgba();
            let point = |(share, us): &(f64, u64)| (nines(*share), milliseconds(*us));
            let points = class.curve.iter().map(point);
            chart
                .draw_series(LineSeries::new(points, colour))?
                .label(class.class)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        legend(&mut chart)
    })
}

/// Log-ons a second of each class over time, in whole seconds.
pub(super) fn rates(phase: &PhaseReport) -> Result<String, Failure> {
    drawn(|area| {
        let classes = phase.classes.iter();
        let rates: Vec<_> = classes
            .map(|class| (class.class, rate(phase, class)))
            .collect();
        let points = rates.iter().flat_map(|(_, points)| points);
        let seconds = points.clone().map(|(second, _)| *second).max();
        let most = points.map(|(_, ended)| *ended).max();
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_right(RIGHT_MARGIN)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .caption("Log-ons a second", ("sans-serif", 16))
            .build_cartesian_2d(0..seconds.unwrap_or(0) + 1, 0..most.unwrap_or(0) + 1)?;
        chart.configure_mesh().x_desc("seconds").draw()?;
        for (index, (class, points)) in rates.into_iter().enumerate() {
            let colour = Palette99::pick(index).to_rgba();
            chart
                .draw_series(LineSeries::new(points, colour))?
                .label(class)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        legend(&mut chart)
    })
}

/// Log-ons that ended in each whole second. The last second of a phase is not a whole one, and no
/// rate.
fn rate(phase: &PhaseReport, class: &ClassReport) -> Vec<(usize, u64)> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the length of a phase, in whole seconds"
    )]
    let whole = phase.seconds as usize;
    let seconds = class.timeline.iter().take(whole.max(1));
    seconds
        .map(|second| (second.second, second.ended))
        .collect()
}

fn drawn(draw: impl FnOnce(&Area<'_>) -> Result<(), Failure>) -> Result<String, Failure> {
    let mut svg = String::new();
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    draw(&area)?;
    area.present()?;
    drop(area);
    Ok(svg)
}

fn legend<'a, 'b, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>,
) -> Result<(), Failure>
where
    X: Ranged<ValueType: 'static>,
    Y: Ranged<ValueType: 'static>,
    'b: 'a,
{
    let labels = &mut chart.configure_series_labels();
    labels.background_style(WHITE.mix(0.8)).draw()
}

#[expect(clippy::cast_precision_loss, reason = "a drawing")]
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1e3
}

/// 0.9 is 1, 0.99 is 2; the last log-on of all stands at the right edge.
fn nines(share: f64) -> f64 {
    (-(1.0 - share).max(1e-4).log10()).max(0.0)
}

fn share_of_nines(nines: &f64) -> String {
    let share = 100.0 * (1.0 - 10_f64.powf(-nines));
    format!("{share:.4}")
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
        + " %"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    use crate::report::{Latency, SecondReport};

    const LATENCY: Latency = Latency {
        p50_us: 100,
        p90_us: 200,
        p99_us: 300,
        p999_us: 400,
        max_us: 500,
    };

    /// A phase of 2.1 seconds: ten log-ons in each whole one, two in the rest.
    fn phase() -> PhaseReport {
        let second = |(second, ended)| SecondReport {
            second,
            ended,
            wrong: 0,
            p50_us: 100,
            p99_us: 200,
        };
        PhaseReport {
            phase: "load",
            seconds: 2.1,
            classes: vec![ClassReport {
                class: "users",
                method: "pap",
                begun: 22,
                right: 22,
                accepted: 22,
                resumed: 0,
                per_second: 10.5,
                wrong: BTreeMap::new(),
                requests: 22,
                retransmissions: 0,
                discarded: BTreeMap::new(),
                latency: LATENCY,
                curve: vec![(0.5, 100), (1.0, 500)],
                timeline: [(0, 10), (1, 10), (2, 2)].map(second).to_vec(),
            }],
            server_process: None,
        }
    }

    #[test]
    fn rate_does_not_fall_in_the_unfinished_second() {
        let phase = phase();
        assert_eq!(rate(&phase, &phase.classes[0]), [(0, 10), (1, 10)]);
    }

    /// The right edge of each text that is centred on its point, in pixels; a letter is taken to
    /// be 0.6 of its height wide.
    fn right_edges(svg: &str) -> Vec<f64> {
        let texts = svg.split("<text ").skip(1);
        let centred = texts.filter(|text| text.contains("text-anchor=\"middle\""));
        let edge = |text: &str| {
            let value = |name: &str| {
                let (_, rest) = text.split_once(&format!("{name}=\"")).unwrap();
                rest.split('"').next().unwrap().parse::<f64>().unwrap()
            };
            let (_, rest) = text.split_once('>').unwrap();
            let letters = rest.split('<').next().unwrap().trim().chars().count();
            value(" x") + letters as f64 * value("font-size") * 0.3
        };
        centred.map(|text| edge(&format!(" {text}"))).collect()
    }

    #[test]
    fn labels_end_inside_the_picture() {
        for svg in [latencies(&phase()).unwrap(), rates(&phase()).unwrap()] {
            let edges = right_edges(&svg);
            assert!(edges.len() > 3, "{svg}");
            assert!(edges.iter().all(|edge| *edge < f64::from(SIZE.0)), "{svg}");
        }
    }

    #[test]
    fn shares_are_labelled_by_their_nines() {
        let labels = [0.0, 1.0, 2.0, 3.0].map(|nines| share_of_nines(&nines));
        assert_eq!(labels, ["0 %", "90 %", "99 %", "99.9 %"]);
        assert!((nines(0.99) - 2.0).abs() < 1e-9);
        assert!((nines(1.0) - 4.0).abs() < 1e-9);
    }
}
