use super::*;

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The term that must be paid at this local time in Oslo.
fn required(local: &str) -> String {
    let zone = Terms::default().zone().clone();
    let moment = local
        .parse::<jiff::civil::DateTime>()
        .unwrap()
        .to_zoned(zone)
        .unwrap();
    Terms::default()
        .required(moment.timestamp())
        .unwrap()
        .to_string()
}

fn term(text: &str) -> Term {
    text.parse().unwrap()
}

#[test]
fn bundled_zone_data_has_oslo() {
    assert_eq!(Terms::default().zone().iana_name(), Some("Europe/Oslo"));
}

#[test]
fn deadline_day_is_open_to_its_last_second() {
    assert_eq!(required("2026-09-01T00:00:00"), "2026-spring");
    assert_eq!(required("2026-09-01T23:59:59"), "2026-spring");
    assert_eq!(required("2026-09-02T00:00:00"), "2026-autumn");
    assert_eq!(required("2026-02-01T23:59:59"), "2025-autumn");
    assert_eq!(required("2026-02-02T00:00:00"), "2026-spring");
}

#[test]
fn new_year_changes_nothing() {
    assert_eq!(required("2026-12-31T23:59:59"), "2026-autumn");
    assert_eq!(required("2027-01-01T00:00:00"), "2026-autumn");
}

#[test]
fn day_begins_at_local_midnight_in_summer_and_winter() {
    let terms = Terms::default();
    assert_eq!(
        terms.due(&term("2026-autumn")),
        Some(utc("2026-09-01T22:00:00Z"))
    );
    assert_eq!(
        terms.due(&term("2026-spring")),
        Some(utc("2026-02-01T23:00:00Z"))
    );
    assert_eq!(terms.due(&term("2026-summer")), None);
}

/// A deadline on the last Sunday of October: the day has 25 hours, all of them open.
#[test]
fn deadline_on_a_night_when_the_clocks_change_has_its_whole_day() {
    let oslo = Terms::default().zone().clone();
    let deadlines = vec![
        Deadline::new("long", 10, 25).unwrap(),
        Deadline::new("short", 3, 29).unwrap(),
    ];
    let terms = Terms::new(deadlines, oslo).unwrap();
    let name = |moment| terms.required(utc(moment)).unwrap().to_string();
    assert_eq!(name("2026-10-25T22:59:59Z"), "2026-short");
    assert_eq!(name("2026-10-25T23:00:00Z"), "2026-long");
    assert_eq!(name("2026-03-29T21:59:59Z"), "2025-long");
    assert_eq!(name("2026-03-29T22:00:00Z"), "2026-short");
}

/// In Beirut the clocks go forward at midnight: 29 March 2026 begins at 01:00.
#[test]
fn day_without_midnight_begins_with_its_first_moment() {
    let beirut = TimeZoneDatabase::bundled().get("Asia/Beirut").unwrap();
    let terms = Terms::new(vec![Deadline::new("spring", 3, 28).unwrap()], beirut).unwrap();
    assert_eq!(
        terms.due(&term("2026-spring")),
        Some(utc("2026-03-28T22:00:00Z"))
    );
    assert_eq!(
        terms.required(utc("2026-03-28T21:59:59Z")),
        Some(term("2025-spring"))
    );
    assert_eq!(
        terms.required(utc("2026-03-28T22:00:00Z")),
        Some(term("2026-spring"))
    );
}

#[test]
fn later_term_covers_an_earlier_one() {
    let terms = Terms::default();
    let covers = |paid: &str, required: &str| terms.covers(Some(&term(paid)), &term(required));
    assert!(covers("2026-autumn", "2026-autumn"));
    assert!(covers("2026-autumn", "2026-spring"));
    assert!(covers("2027-spring", "2026-autumn"));
    assert!(!covers("2026-spring", "2026-autumn"));
    assert!(!covers("2025-autumn", "2026-spring"));
    assert!(!terms.covers(None, &term("2026-spring")));
}

#[test]
fn term_with_an_unknown_name_never_covers_its_own_year() {
    let terms = Terms::default();
    assert!(!terms.covers(Some(&term("2026-summer")), &term("2026-spring")));
    assert!(terms.covers(Some(&term("2026-summer")), &term("2025-autumn")));
}

#[test]
fn next_lapse_is_the_first_deadline_not_paid_for() {
    let terms = Terms::default();
    let lapse = |paid: Option<&str>, now: &str| {
        let paid = paid.map(term);
        let covers = |term: &Term| terms.covers(paid.as_ref(), term);
        terms
            .next_lapse(covers, utc(now))
            .map(|moment| moment.to_string())
    };
    let december = "2026-12-01T12:00:00Z";
    assert_eq!(
        lapse(Some("2026-autumn"), december).as_deref(),
        Some("2027-02-01T23:00:00Z")
    );
    assert_eq!(
        lapse(Some("2027-spring"), december).as_deref(),
        Some("2027-09-01T22:00:00Z")
    );
    assert_eq!(
        lapse(None, "2026-09-01T12:00:00Z").as_deref(),
        Some("2026-09-01T22:00:00Z")
    );
}

#[test]
fn last_of_february_is_a_deadline_in_every_year() {
    let terms = Terms::new(vec![Deadline::new("winter", 2, 29).unwrap()], TimeZone::UTC).unwrap();
    assert_eq!(
        terms.due(&term("2027-winter")),
        Some(utc("2027-03-01T00:00:00Z"))
    );
    assert_eq!(
        terms.due(&term("2028-winter")),
        Some(utc("2028-03-01T00:00:00Z"))
    );
}

#[test]
fn no_terms_means_no_fee() {
    let terms = Terms::new(Vec::new(), TimeZone::UTC).unwrap();
    assert_eq!(terms.required(utc("2026-09-02T12:00:00Z")), None);
    assert_eq!(
        terms.next_lapse(|_| false, utc("2026-09-02T12:00:00Z")),
        None
    );
}

#[test]
fn extreme_dates_have_answers() {
    let terms = Terms::default();
    assert!(terms.required(Timestamp::MAX).is_some());
    let _ = terms.required(Timestamp::MIN);
    let _ = terms.next_lapse(|_| false, Timestamp::MAX);
}

#[test]
fn terms_that_cannot_be_ordered_are_refused() {
    let make = |name, month, day| Deadline::new(name, month, day);
    assert_eq!(make("", 1, 1), Err(TermsError::Name));
    assert_eq!(make("a b", 1, 1), Err(TermsError::Name));
    assert_eq!(make("spring", 2, 30), Err(TermsError::Day));
    let two = |a: Deadline, b: Deadline| Terms::new(vec![a, b], TimeZone::UTC).unwrap_err();
    let spring = make("spring", 2, 1).unwrap();
    assert_eq!(
        two(spring.clone(), make("Spring", 9, 1).unwrap()),
        TermsError::SameName
    );
    assert_eq!(
        two(spring, make("autumn", 2, 1).unwrap()),
        TermsError::SameDay
    );
}

#[test]
fn terms_are_written_as_year_and_name() {
    assert_eq!(term("2026-Autumn"), Term::new(2026, "autumn"));
    assert_eq!(term("2026-høst").to_string(), "2026-høst");
    assert_eq!(
        serde_json::to_string(&term("2026-autumn")).unwrap(),
        "\"2026-autumn\""
    );
    for text in [
        "",
        "2026",
        "2026-",
        "autumn-2026",
        "26-autumn",
        "+026-autumn",
        "2026-a b",
    ] {
        assert_eq!(text.parse::<Term>(), Err(TermError), "{text}");
    }
}

#[test]
fn name_of_a_term_has_letters_of_any_script_however_they_are_typed() {
    for name in ["vår", "va\u{30a}r", "VÅR", "høst-2", "秋"] {
        assert!(Term::is_name(name), "{name}");
    }
    for name in ["", "høst 2", "a.b", "a_b", "a/b"] {
        assert!(!Term::is_name(name), "{name}");
    }
    let composed: Term = "2026-vår".parse().unwrap();
    assert_eq!("2026-va\u{30a}r".parse(), Ok(composed));
    assert!(Deadline::new("va\u{30a}r", 2, 1).unwrap().name() == "vår");
}

/// Days of grace move the first day that counts, in both halves of the year and over a leap day.
#[test]
fn grace_moves_the_first_day_that_counts() {
    let terms = Terms::default().with_grace(28);
    for (term_name, due) in [
        ("2026-autumn", "2026-09-29T22:00:00Z"),
        ("2027-spring", "2027-03-01T23:00:00Z"),
        ("2028-spring", "2028-02-29T23:00:00Z"),
    ] {
        assert_eq!(terms.due(&term(term_name)), Some(utc(due)), "{term_name}");
        let before = utc(due) - jiff::SignedDuration::from_secs(1);
        assert_ne!(terms.required(before), Some(term(term_name)));
        assert_eq!(terms.required(utc(due)), Some(term(term_name)));
        assert_eq!(terms.next_due(before), Some((term(term_name), utc(due))));
    }
}
