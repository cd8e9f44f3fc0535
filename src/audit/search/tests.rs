use super::*;

fn query() -> Query {
    Query {
        name: None,
        device: None,
        place: None,
        client: None,
        outcome: None,
        since: Timestamp::MIN,
        until: Timestamp::MAX,
        limit: 100,
    }
}

fn pattern(text: &str) -> Option<Pattern> {
    Some(Pattern::new(text))
}

fn line(time: &str, name: &str, device: &str, reason: &str) -> String {
    format!(
        "{{\"event\":\"attempt\",\"request_time\":\"{time}\",\"response_time\":\"{time}\",\
         \"result\":\"reject\",\"reason\":\"{reason}\",\
         \"outer_identity\":\"anonymous@campus.example\",\"inner_identity\":\"{name}\",\
         \"calling_station_id\":\"{device}\",\"client\":\"access-points\",\
         \"client_address\":\"10.20.0.1\",\"nas_identifier\":\"ap-17\",\
         \"operator_name\":\"1library.example\",\"service\":\"eduroam\",\"method\":\"ttls/pap\",\
         \"new_field\":[1],\"duration_ms\":1.0}}\n"
    )
}

const ACT: &str = "{\"event\":\"act\",\"time\":\"2026-11-27T10:00:00.000Z\",\"who\":\"root\",\
                   \"what\":\"unlock\",\"account\":\"anna\",\"result\":\"done\"}\n";

/// Days with attempts of nobody at all hours.
fn log() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for day in ["2026-11-25", "2026-11-26", "2026-11-27"] {
        let mut text = ACT.to_owned();
        for hour in ["08", "09", "10"] {
            let time = format!("{day}T{hour}:00:00.000Z");
            text += &line(
                &time,
                "nobody@campus.example",
                "02-00-00-00-00-01",
                "unknown-user",
            );
            text += &line(&time, "CAMPUS\\\\anna", "02-00-00-00-00-02", "unknown-user");
        }
        std::fs::write(folder.path().join(format!("audit-{day}.jsonl")), text).unwrap();
    }
    std::fs::write(folder.path().join("notes.txt"), "not a log").unwrap();
    folder
}

fn times(found: &Found) -> Vec<String> {
    let time = |attempt: &FoundAttempt| attempt.time.strftime("%d/%H").to_string();
    found.attempts.iter().map(time).collect()
}

fn found(query: Query) -> Found {
    search(log().path(), &query).unwrap()
}

#[test]
fn attempts_under_a_name_that_nobody_has_are_found_newest_first() {
    let name = pattern("nobody");
    let found = found(Query {
        name,
        limit: 4,
        ..query()
    });
    assert_eq!(times(&found), ["27/10", "27/09", "27/08", "26/10"]);
    assert!(found.more);
    assert_eq!(found.attempts[0].outcome(), "unknown-user");
}

#[test]
fn all_of_them_are_all() {
    let name = pattern("CAMPUS\\anna");
    let found = found(Query {
        name,
        limit: 9,
        ..query()
    });
    assert_eq!(found.attempts.len(), 9);
    assert!(!found.more);
    assert_eq!(found.unreadable, 0);
}

#[test]
fn span_is_kept_to_the_moment_and_other_days_are_not_read() {
    let folder = log();
    std::fs::remove_file(folder.path().join("audit-2026-11-25.jsonl")).unwrap();
    std::fs::create_dir(folder.path().join("audit-2026-11-25.jsonl")).unwrap();
    let query = Query {
        since: "2026-11-26T09:00:00Z".parse().unwrap(),
        until: "2026-11-27T08:00:00Z".parse().unwrap(),
        device: pattern("020000000001"),
        ..query()
    };
    let found = search(folder.path(), &query).unwrap();
    assert_eq!(times(&found), ["27/08", "26/10", "26/09"]);
}

#[test]
fn every_field_narrows_it_down() {
    let day = |query: Query| found(query).attempts.len();
    for (expected, query) in [
        (18, query()),
        (
            9,
            Query {
                device: pattern("02:00:00:00:00:02"),
                ..query()
            },
        ),
        (
            18,
            Query {
                device: pattern("0200.0000.*"),
                ..query()
            },
        ),
        (
            0,
            Query {
                device: pattern("02-00-00-00-00-03"),
                ..query()
            },
        ),
        (
            18,
            Query {
                place: pattern("*library*"),
                ..query()
            },
        ),
        (
            18,
            Query {
                place: pattern("AP-17"),
                ..query()
            },
        ),
        (
            0,
            Query {
                place: pattern("ap-1"),
                ..query()
            },
        ),
        (
            18,
            Query {
                client: pattern("access-points"),
                ..query()
            },
        ),
        (
            0,
            Query {
                client: pattern("vpn"),
                ..query()
            },
        ),
        (
            18,
            Query {
                outcome: pattern("unknown-*"),
                ..query()
            },
        ),
        (
            0,
            Query {
                outcome: pattern("accept"),
                ..query()
            },
        ),
        (
            18,
            Query {
                name: pattern("anonymous@campus.example"),
                ..query()
            },
        ),
        (
            9,
            Query {
                name: pattern("NOBODY@campus.example"),
                ..query()
            },
        ),
        (
            0,
            Query {
                name: pattern("nobody@campus"),
                ..query()
            },
        ),
        (
            0,
            Query {
                name: pattern("anna"),
                ..query()
            },
        ),
        (
            9,
            Query {
                name: pattern("*anna"),
                ..query()
            },
        ),
    ] {
        assert_eq!(day(query.clone()), expected, "{query:?}");
    }
}

#[test]
fn hostile_names_are_found_as_typed_and_as_shown() {
    let folder = tempfile::tempdir().unwrap();
    let time = "2026-11-27T10:00:00.000Z";
    let text = line(time, "anna\\\\u{a0}", "02-00-00-00-00-01", "unknown-user");
    std::fs::write(folder.path().join("audit-2026-11-27.jsonl"), text).unwrap();
    for (name, expected) in [("anna\u{a0}", 1), ("anna\\u{a0}", 1), ("anna", 0)] {
        let name = pattern(name);
        let found = search(folder.path(), &Query { name, ..query() }).unwrap();
        assert_eq!(found.attempts.len(), expected);
    }
}

#[test]
fn what_cannot_be_read_is_counted_and_spoils_nothing() {
    let good = line("2026-11-27T10:00:00.000Z", "anna", "02", "wrong-credential");
    let long = line(
        "2026-11-27T10:00:01.000Z",
        &"x".repeat(LONGEST_LINE),
        "02",
        "x",
    );
    let torn = good.trim_end();
    let text = [&good, "{\"event\":\n", &long, "\u{1b}[2J\n", &good, torn].concat();
    let mut found = Found::default();
    // Buffers smaller than a line.
    let lines = BufReader::with_capacity(7, text.as_bytes());
    search_file(lines, &query(), 100, &mut found).unwrap();
    assert_eq!((found.attempts.len(), found.unreadable), (2, 3));
}

#[test]
fn a_star_is_anything() {
    for (text, pattern, is_so) in [
        ("abc", "abc", true),
        ("abc", "ab", false),
        ("abc", "*", true),
        ("", "*", true),
        ("abc", "a*", true),
        ("abc", "*c", true),
        ("abc", "a*c", true),
        ("abc", "*b*", true),
        ("abc", "b*", false),
        ("abc", "*b", false),
        ("aba", "aba*aba", false),
        ("abab", "a*b*ab", true),
        ("aaaaaaaa", "*a*a*a*b", false),
    ] {
        assert_eq!(is_like(text, pattern), is_so, "{text} {pattern}");
    }
}
