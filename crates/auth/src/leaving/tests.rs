use super::*;

fn end(on: &str, learned_at: Option<&str>) -> EndOfStudies {
    EndOfStudies {
        on: on.parse().unwrap(),
        learned_at: learned_at.map(|at| at.parse().unwrap()),
        is_death: false,
    }
}

fn closes(leaving: &Leaving, stage: LeavingStage, end: &EndOfStudies) -> String {
    let closes = leaving.closes_at(stage, end, &Terms::default()).unwrap();
    closes.to_string()
}

#[test]
fn each_stage_is_closed_after_its_own_days() {
    let mut leaving = Leaving::default();
    leaving.set_days(LeavingStage::Network, 30);
    leaving.set_days(LeavingStage::Card, 0);
    let end = end("2026-06-15", Some("2026-05-01T08:00:00Z"));
    let found = LeavingStage::ALL.map(|stage| closes(&leaving, stage, &end));
    assert_eq!(
        found,
        [
            "2026-07-14T22:00:00Z",
            "2026-09-12T22:00:00Z",
            "2026-09-12T22:00:00Z",
            "2026-06-14T22:00:00Z",
        ]
    );
}

/// Over both nights on which the clocks change, and a leap day: the start of a local day.
#[test]
fn stages_end_at_local_midnight_on_every_date() {
    let leaving = Leaving::after(1);
    for (on, expected) in [
        ("2026-03-28", "2026-03-28T23:00:00Z"),
        ("2026-03-29", "2026-03-29T22:00:00Z"),
        ("2026-10-24", "2026-10-24T22:00:00Z"),
        ("2026-10-25", "2026-10-25T23:00:00Z"),
        ("2028-02-28", "2028-02-28T23:00:00Z"),
        ("2028-02-29", "2028-02-29T23:00:00Z"),
        ("2026-12-31", "2026-12-31T23:00:00Z"),
    ] {
        let found = closes(&leaving, LeavingStage::Network, &end(on, None));
        assert_eq!(found, expected, "{on}");
    }
}

#[test]
fn date_learned_late_leaves_the_days_of_notice() {
    let leaving = Leaving::default();
    // Learned in the afternoon of 20 November: the 21st to the 4th are fourteen whole days.
    let late = end("2026-03-01", Some("2026-11-20T15:00:00Z"));
    assert_eq!(
        closes(&leaving, LeavingStage::Network, &late),
        "2026-12-04T23:00:00Z"
    );
    let early = end("2026-11-01", Some("2026-11-20T15:00:00Z"));
    assert_eq!(
        closes(&leaving, LeavingStage::Network, &early),
        "2027-01-29T23:00:00Z"
    );
}

#[test]
fn death_closes_every_stage_when_it_is_learned() {
    let death = EndOfStudies {
        is_death: true,
        ..end("2026-11-01", Some("2026-11-20T15:00:00Z"))
    };
    for stage in LeavingStage::ALL {
        assert_eq!(
            closes(&Leaving::default(), stage, &death),
            "2026-11-20T15:00:00Z"
        );
    }
}
