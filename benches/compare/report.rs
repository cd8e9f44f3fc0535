//! The results of a run: the figures of each pair as JSON, and the block of docs/compare.md.

use serde_json::{Value, json};

use super::machine;
use super::table::{Row, markdown};

/// All rows, pair by pair.
pub(crate) fn json(rows: &[Row<'_>]) -> serde_json::Result<String> {
    let row = |row: &Row<'_>| match &row.outcome {
        Ok(outcome) => json!(outcome),
        Err(why) => json!({ "id": row.case.id, "failed": why }),
    };
    let rows: Vec<Value> = rows.iter().map(row).collect();
    let now = jiff::Timestamp::now().to_string();
    let report = json!({ "time": now, "machine": machine::sentence(), "rows": rows });
    serde_json::to_string_pretty(&report)
}

/// The machine, the command, and the table.
pub(crate) fn block(rows: &[Row<'_>], pairs: u16, seconds: f64) -> String {
    let day = jiff::Timestamp::now().strftime("%-d %B %Y");
    let machine = machine::sentence();
    format!(
        "Medians of {pairs} pairs of {seconds} s on {day}: {machine}.\n\n{}",
        markdown(rows)
    )
}
