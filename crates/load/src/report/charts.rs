//! The curves of a report, as SVG.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::PhaseReport;

type Failure = DrawingAreaErrorKind<std::io::Error>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const SIZE: (u32, u32) = (860, 320);

/// The latency of each class by the share of its log-ons that took no longer.
pub(super) fn latencies(phase: &PhaseReport) -> Result<String, Failure> {
    drawn(|area| {
        let longest = phase.classes.iter().map(|class| class.latency.max_us);
        let longest = milliseconds(longest.max().unwrap_or(1)).max(0.01);
        let mut chart = ChartBuilder::on(area)
            .margin(12)
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

/// Log-ons a second of each class, over time.
pub(super) fn rates(phase: &PhaseReport) -> Result<String, Failure> {
    drawn(|area| {
        let moments = phase.classes.iter().flat_map(|class| &class.timeline);
        let seconds = moments.clone().map(|moment| moment.second).max();
        let most = moments.map(|moment| moment.ended).max();
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(36)
            .y_label_area_size(64)
            .caption("Log-ons a second", ("sans-serif", 16))
            .build_cartesian_2d(0..seconds.unwrap_or(0) + 1, 0..most.unwrap_or(0) + 1)?;
        chart.configure_mesh().x_desc("seconds").draw()?;
        for (index, class) in phase.classes.iter().enumerate() {
            let colour = Palette99::pick(index).to_rgba();
            let points = class.timeline.iter().map(|m| (m.second, m.ended));
            chart
                .draw_series(LineSeries::new(points, colour))?
                .label(class.class)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        legend(&mut chart)
    })
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
    use super::*;

    #[test]
    fn shares_are_told_as_their_nines() {
        let told = [0.0, 1.0, 2.0, 3.0].map(|nines| share_of_nines(&nines));
        assert_eq!(told, ["0 %", "90 %", "99 %", "99.9 %"]);
        assert!((nines(0.99) - 2.0).abs() < 1e-9);
        assert!((nines(1.0) - 4.0).abs() < 1e-9);
    }
}
