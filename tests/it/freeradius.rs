//! The comparison with FreeRADIUS, in a few seconds: that both sides start, answer rightly and are
//! counted. What it prints is measured with `benches/compare/run`.

use std::sync::Arc;

use crate::compare::Extent;
use crate::compare::cases::CASES;
use crate::compare::table::{Row, Verdict, into_page, markdown};

/// A moment's measurement of one row.
fn glance(id: &str) -> Row<'static> {
    let extent = Extent {
        pairs: 1,
        seconds: 0.5,
        people: 20,
        stopped: Arc::default(),
    };
    let Some(case) = CASES.iter().find(|case| case.id == id) else {
        panic!("no row {id}");
    };
    let outcome = crate::compare::compare(case, &extent, |_, _| {});
    Row { case, outcome }
}

#[test]
fn peer_freeradius_is_compared_by_password_and_by_tunnel() {
    let rows = ["pap", "reject-wrong", "ttls-1.2"].map(glance);
    for row in &rows {
        if let Err(why) = &row.outcome {
            panic!("{why}");
        }
        assert_ne!(row.verdict(), Verdict::Free);
    }
    let table = markdown(&rows);
    assert_eq!(table.lines().count(), 5, "{table}");
}

#[test]
fn page_has_a_place_for_the_table() {
    let page = include_str!("../../docs/compare.md");
    let changed = into_page(page, "A table.\n");
    assert!(changed.is_ok_and(|page| page.contains("A table.\n")));
}
