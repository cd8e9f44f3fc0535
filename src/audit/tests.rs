//! The log on a real file system, in folders of its own.

use std::fs;
use std::net::IpAddr;

use super::*;

const SOON: Duration = Duration::from_secs(120);

fn attempt<'a>(at: &str, outer: &'a [u8]) -> AuditEvent<'a> {
    AuditEvent::Attempt(Attempt {
        detail: None,
        symptom: None,
        request_time: at.parse().unwrap(),
        response_time: at.parse().unwrap(),
        result: AttemptResult::Reject,
        reason: Some("wrong-credential"),
        outer_identity: as_given(outer),
        eap_identity: None,
        inner_identity: Some("s123456".into()),
        account: Some("s123456"),
        calling_station_id: Some("22-44-66-CA-20-01".into()),
        calling_station_port: None,
        nas: Nas {
            client: "access-points",
            client_address: IpAddr::from([10, 20, 0, 1]),
            nas_identifier: Some("ap-17".into()),
            nas_ip_address: None,
        },
        operator_name: None,
        service: "eduroam",
        method: Some("ttls/pap"),
        tls_version: Some("1.3"),
        machine_account: None,
        cui: None,
        stage: None,
        duration: Duration::from_micros(12_345),
    })
}

fn destination(folder: &std::path::Path) -> Destination {
    Destination {
        folder: folder.to_owned(),
        keep_days: 183,
    }
}

fn start(folder: &std::path::Path) -> Audit {
    Audit::start_with(destination(folder), None, 100, Duration::from_millis(20)).unwrap()
}

/// Tries again for a while: for what the writer does in its own time.
fn eventually(is_so: impl Fn() -> bool) -> bool {
    (0..12_000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        is_so()
    })
}

#[test]
fn attempt_is_one_line_with_all_that_i3_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let audit = start(folder.path());
    audit.record(&attempt(
        "2026-11-22T16:00:00.123456Z",
        b"anonymous@campus.example",
    ));
    audit.flush(SOON).unwrap();
    let text = fs::read_to_string(folder.path().join("audit-2026-11-22.jsonl")).unwrap();
    assert_eq!(
        text,
        "{\"event\":\"attempt\",\"request_time\":\"2026-11-22T16:00:00.123Z\",\
         \"response_time\":\"2026-11-22T16:00:00.123Z\",\"result\":\"reject\",\
         \"reason\":\"wrong-credential\",\"outer_identity\":\"anonymous@campus.example\",\
         \"inner_identity\":\"s123456\",\"account\":\"s123456\",\
         \"calling_station_id\":\"22-44-66-CA-20-01\",\"client\":\"access-points\",\
         \"client_address\":\"10.20.0.1\",\"nas_identifier\":\"ap-17\",\"service\":\"eduroam\",\
         \"method\":\"ttls/pap\",\"tls_version\":\"1.3\",\"duration_ms\":12.345}\n"
    );
}

#[test]
fn act_is_written_with_who_and_why() {
    let act = AuditEvent::Act(Act {
        time: "2026-11-22T16:00:00Z".parse().unwrap(),
        who: "anna",
        what: "unlock",
        account: Some("s123456"),
        why: Some("called \"IT\""),
        result: "done",
    });
    let written = serde_json::to_string(&act).unwrap();
    assert_eq!(
        written,
        "{\"event\":\"act\",\"time\":\"2026-11-22T16:00:00.000Z\",\"who\":\"anna\",\
         \"what\":\"unlock\",\"account\":\"s123456\",\"why\":\"called \\\"IT\\\"\",\
         \"result\":\"done\"}"
    );
}

#[test]
fn hostile_names_stay_one_line() {
    let event = attempt("2026-11-22T16:00:00Z", b"a\n\xff\"\\b\0");
    let written = serde_json::to_vec(&event).unwrap();
    assert!(!written.contains(&b'\n'));
    let value: serde_json::Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(value["outer_identity"], "a\\n\\xff\"\\b\\x00");
}

#[test]
fn each_utc_day_has_its_file_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let keep = [
        "audit-2026-05-24.jsonl",
        "audit-notes.txt",
        "other-2020-01-01.jsonl",
    ];
    for name in keep
        .iter()
        .chain(&["audit-2026-05-23.jsonl", "audit-2020-01-01.jsonl"])
    {
        fs::write(folder.path().join(name), "{}\n").unwrap();
    }
    let audit = start(folder.path());
    audit.record(&attempt("2026-11-22T23:59:59.999Z", b"a"));
    audit.record(&attempt("2026-11-23T00:00:00Z", b"b"));
    audit.flush(SOON).unwrap();
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [
        "audit-2026-05-24.jsonl",
        "audit-2026-11-22.jsonl",
        "audit-2026-11-23.jsonl",
        keep[1],
        keep[2],
    ];
    assert_eq!(names, expected);
}

#[test]
fn unwritable_folder_keeps_a_bounded_backlog_and_catches_up() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("audit");
    fs::write(&folder, "in the way").unwrap();
    let audit = start(&folder);
    audit.record(&attempt("2026-11-22T16:00:00Z", b"first"));
    assert!(eventually(|| audit.health().failure.is_some()));
    assert_eq!(audit.flush(SOON), Err(NotFlushed));
    for _ in 0..1000 {
        audit.record(&attempt("2026-11-22T16:00:00Z", b"later"));
    }
    let dropped = audit.health().dropped;
    assert!((700..1000).contains(&dropped), "{dropped}");

    fs::remove_file(&folder).unwrap();
    assert!(eventually(
        || audit.health().failure.is_none() && audit.health().waiting == 0
    ));
    audit.flush(SOON).unwrap();
    let text = fs::read_to_string(folder.join("audit-2026-11-22.jsonl")).unwrap();
    assert!(text.starts_with("{\"event\"") && text.contains("first"));
    assert_eq!(text.lines().count() as u64, 1001 - audit.health().dropped);
}

#[test]
fn full_disk_is_survived_while_lines_keep_coming() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit-2026-11-22.jsonl");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let audit = Audit::start_with(
        destination(folder.path()),
        None,
        10_000,
        Duration::from_millis(20),
    )
    .unwrap();
    audit.record(&attempt("2026-11-22T16:00:00Z", b"first"));
    assert!(eventually(|| audit
        .health()
        .failure
        .is_some_and(|why| why.contains("No space"))));
    fs::remove_file(&path).unwrap();
    assert!(eventually(|| {
        audit.record(&attempt("2026-11-22T16:00:00Z", b"later"));
        audit.health().failure.is_none()
    }));
    audit.flush(SOON).unwrap();
    assert!(fs::read_to_string(path).unwrap().contains("first"));
    assert_eq!(audit.health().dropped, 0);
}

#[test]
fn file_that_was_moved_away_is_made_anew_after_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let audit = start(folder.path());
    let path = folder.path().join("audit-2026-11-22.jsonl");
    audit.record(&attempt("2026-11-22T16:00:00Z", b"before"));
    audit.flush(SOON).unwrap();
    fs::rename(&path, folder.path().join("moved")).unwrap();
    audit.reopen(destination(folder.path())).unwrap();
    audit.record(&attempt("2026-11-22T16:00:01Z", b"after"));
    audit.flush(SOON).unwrap();
    assert!(
        fs::read_to_string(folder.path().join("moved"))
            .unwrap()
            .contains("before")
    );
    assert!(fs::read_to_string(path).unwrap().contains("after"));
}

#[test]
fn line_torn_by_a_power_cut_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit-2026-11-22.jsonl");
    fs::write(&path, "{\"event\":\"att").unwrap();
    let audit = start(folder.path());
    audit.record(&attempt("2026-11-22T16:00:00Z", b"a"));
    audit.flush(SOON).unwrap();
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(serde_json::from_str::<serde_json::Value>(text.lines().last().unwrap()).is_ok());
}

#[test]
fn log_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("audit");
    let audit = start(&folder);
    audit.record(&attempt("2026-11-22T16:00:00Z", b"a"));
    audit.flush(SOON).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("audit-2026-11-22.jsonl")), 0o600);
}

#[test]
fn times_are_written_to_the_millisecond_whatever_was_written_before() {
    let nanoseconds = [0, 1, 999_999_999, 500_000_000, 123_456_789, 7_000_000];
    let seconds = [
        1_763_000_000,
        1_763_000_000,
        0,
        253_402_207_200,
        -1,
        1_763_000_001,
    ];
    for (second, nanosecond) in seconds.into_iter().zip(nanoseconds) {
        let time = jiff::Timestamp::new(
            second,
            nanosecond.min(if second < 0 { 0 } else { i32::MAX }),
        );
        let time = time.unwrap();
        let line = serde_json::to_string(&AuditEvent::Act(Act {
            time,
            who: "root",
            what: "unlock",
            account: None,
            why: None,
            result: "done",
        }));
        assert!(line.unwrap().contains(&format!("\"{time:.3}\"")), "{time}");
    }
}

#[test]
fn line_ends_with_the_name_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let destination = destination(folder.path());
    let audit = Audit::start(destination, Some("radius-1")).unwrap();
    audit.record(&attempt("2026-11-22T16:00:00Z", b"first"));
    audit.flush(Duration::from_secs(60)).unwrap();
    let line = std::fs::read_to_string(folder.path().join("audit-2026-11-22.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["node"], "radius-1");
}
