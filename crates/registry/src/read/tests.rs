//! Files as registries send them, and every way in which they are wrong.

use super::*;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

const NOW: &str = "2026-11-27T08:00:00Z";

fn feed_of(text: &[u8], columns: &Columns, must_be_full: bool) -> Result<Feed, FeedErrors> {
    let options = ReadOptions {
        columns,
        terms: &Terms::default(),
        now: NOW.parse().unwrap(),
        must_be_full,
    };
    read(text, options)
}

fn feed(text: &str) -> Result<Feed, FeedErrors> {
    feed_of(text.as_bytes(), &Columns::default(), false)
}

fn file_fault(text: &str) -> FileFault {
    feed(text).unwrap_err().file.unwrap()
}

/// Line, column, value and fault of each faulty row.
fn faults(text: &str) -> Vec<(u64, Option<String>, Option<String>, RowFault)> {
    let errors = feed(text).unwrap_err();
    assert_eq!(errors.file, None);
    assert_eq!(errors.rows_in_all, errors.rows.len() as u64);
    let rows = errors.rows.into_iter();
    rows.map(|row| (row.line, row.column, row.value, row.fault))
        .collect()
}

fn full(rows: &str, number: u64, produced: &str) -> String {
    let digest = hexadecimal(&Sha256::digest(rows.as_bytes()).into());
    format!("{rows}# rows={number} sha256={digest} produced={produced} full\n")
}

#[test]
fn csv_with_semicolons_commas_quotes_and_a_mark_reads_alike() {
    let semicolons = "\u{feff}username;active;term;fee;mobile;name\r\n\
        Anna;ja;2026-autumn;paid;912 34 567;\"Hansen; Anna \"\"A\"\"\"\r\n";
    let commas = "USERNAME,active,term,fee,mobile,name\n\
        anna,yes,2026-autumn,PAID,+4791234567,\"Hansen; Anna \"\"A\"\"\"\n";
    let (one, other) = (feed(semicolons).unwrap(), feed(commas).unwrap());
    assert_eq!(one.statements, other.statements);
    assert_ne!(one.digest, other.digest);
    let (key, statement) = &one.statements[0];
    assert_eq!(key, "anna");
    assert_eq!(statement.name, Said::Is("Hansen; Anna \"A\"".to_owned()));
    assert_eq!(statement.mobile, Said::Is("+4791234567".to_owned()));
    assert_eq!(statement.active, Said::Is(true));
}

#[test]
fn objects_say_what_rows_say() {
    let csv = "username;active;term;fee;fee-at;registered-at;ended-on\n\
        anna;yes;2026-autumn;paid;2026-08-20;2026-08-20T10:00:00+02:00;\n";
    let json = "{\"username\":\"anna\",\"active\":true,\"term\":\"2026-autumn\",\"fee\":\"paid\",\
        \"fee-at\":\"2026-08-20\",\"registered-at\":\"2026-08-20T08:00:00Z\",\"ended-on\":\"\"}\n";
    assert_eq!(
        feed(csv).unwrap().statements,
        feed(json).unwrap().statements
    );
}

#[test]
fn empty_cell_says_nothing_and_a_hyphen_or_null_withdraws() {
    let text = "username;ended-on;mobile\nanna;;-\n";
    let (_, statement) = feed(text).unwrap().statements.remove(0);
    assert_eq!(statement.ended_on, Said::Nothing);
    assert_eq!(statement.mobile, Said::Cleared);
    let columns = Columns {
        empty_clears: vec![Column::EndedOn],
        ..Columns::default()
    };
    let feed_with = feed_of(text.as_bytes(), &columns, false).unwrap();
    assert_eq!(feed_with.statements[0].1.ended_on, Said::Cleared);
    let json = "{\"username\":\"anna\",\"ended-on\":null,\"op\":\"delete\"}";
    let (_, statement) = feed(json).unwrap().statements.remove(0);
    assert_eq!(statement.ended_on, Said::Cleared);
    assert!(statement.is_gone);
}

#[test]
fn headers_of_an_installation_are_mapped_and_others_passed_over() {
    let columns = Columns {
        join: Join::StudentNumber,
        headers: [("studentnr".to_owned(), Column::StudentNumber)]
            .into_iter()
            .collect(),
        ignored: vec!["shoe size".to_owned()],
        ..Columns::default()
    };
    let text = "StudentNr;Shoe Size\n654321;43\n";
    let feed = feed_of(text.as_bytes(), &columns, false).unwrap();
    assert_eq!(feed.statements[0].0, "654321");
    assert_eq!(
        feed_of(b"username\nanna\n", &columns, false)
            .unwrap_err()
            .file,
        Some(FileFault::NoJoinColumn {
            column: "student-number".to_owned()
        })
    );
}

/// Also in a column that is passed over, and never repeated in the message. The number is a synthetic
/// one: its month is 81.
#[test]
fn national_identity_number_is_refused_in_every_column() {
    let columns = Columns {
        ignored: vec!["remark".to_owned()],
        ..Columns::default()
    };
    for text in [
        "username;remark\nanna;01817010055 is mine\n",
        "username;remark\nanna;018170 10055\n",
        "{\"username\":\"anna\",\"remark\":\"no\",\"name\":\"01817010055\"}",
        "username;name\n01817010055;Anna\n",
    ] {
        let errors = feed_of(text.as_bytes(), &columns, false).unwrap_err();
        assert_eq!(errors.rows[0].fault, RowFault::IdentityNumber);
        assert_eq!(errors.rows[0].value, None);
    }
}

#[test]
fn each_mistake_has_line_column_value_and_advice() {
    let text = "username;term;fee;fee-at;ended-on;mobile;active;private-mail;kind\n\
        anna;2026-winter;;;;;;;\n\
        bo;2026-autumn;half;;;;;;\n\
        cy;2026-autumn;paid;2026-02-30;;;;;\n\
        di;2026-autumn;paid;2027-02-20;;;;;\n\
        ed;;;;1850-01-01;;;;\n\
        fy;;;;2090-01-01;;;;\n\
        gy;;;;;12345;;;\n\
        hy;;;;;;maybe;;\n\
        iy;;;;;;;anna at home;\n\
        jy;;;;;;;;employee\n\
        ;;;;;;yes;;\n\
        ky;;paid;;;;;;\n\
        anna;;;;;;;;\n\
        ly;;;;;;;;;surplus\n";
    let at = |line: u64, column: &str, value: &str, fault| {
        let text = |text: &str| Some(text.to_owned());
        (line, text(column), text(value), fault)
    };
    assert_eq!(
        faults(text),
        [
            at(2, "term", "2026-winter", RowFault::Term),
            at(3, "fee", "half", RowFault::Word),
            at(4, "fee-at", "2026-02-30", RowFault::Date),
            at(5, "fee-at", "2027-02-20", RowFault::ImpossibleDate),
            at(6, "ended-on", "1850-01-01", RowFault::ImpossibleDate),
            at(7, "ended-on", "2090-01-01", RowFault::ImpossibleDate),
            at(8, "mobile", "12345", RowFault::Mobile),
            at(9, "active", "maybe", RowFault::Word),
            at(10, "private-mail", "anna at home", RowFault::Mail),
            at(11, "kind", "employee", RowFault::NotStudent),
            at(12, "username", "", RowFault::NoKey),
            at(13, "fee", "", RowFault::NoTerm),
            (15, None, None, RowFault::Cells),
        ]
    );
}

#[test]
fn person_may_be_in_a_file_once_by_any_identity() {
    let text = "username;eppn;student-number\n\
        anna;anna@campus.example;1\n\
        ANNA;a2@campus.example;2\n\
        bo;anna@campus.example;3\n\
        cy;cy@campus.example;1\n";
    let found: Vec<_> = faults(text)
        .into_iter()
        .map(|(line, column, _, fault)| (line, column.unwrap(), fault))
        .collect();
    let twice = |line, column: &str| (line, column.to_owned(), RowFault::PersonTwice);
    let expected = [
        twice(3, "username"),
        twice(4, "eppn"),
        twice(5, "student-number"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn full_file_shows_by_its_trailer_that_nothing_is_missing() {
    let rows = "username;active\nanna;yes\nbo;no\n";
    let text = full(rows, 2, "2026-11-27T02:10:00+01:00");
    let feed = feed_of(text.as_bytes(), &Columns::default(), true).unwrap();
    assert!(feed.is_full);
    assert_eq!(feed.produced, Some("2026-11-27T01:10:00Z".parse().unwrap()));
    assert_eq!(
        feed.digest,
        hexadecimal(&Sha256::digest(text.as_bytes()).into())
    );
    let must_be_full = |text: &str| {
        let errors = feed_of(text.as_bytes(), &Columns::default(), true);
        errors.unwrap_err().file
    };
    assert_eq!(must_be_full(rows), Some(FileFault::NoTrailer));
    let changes = format!("{rows}# rows=2\n");
    assert_eq!(must_be_full(&changes), Some(FileFault::NoTrailer));
}

#[test]
fn file_that_was_cut_changed_or_joined_with_another_is_refused() {
    let rows = "username;active\nanna;yes\nbo;no\n";
    let text = full(rows, 2, "2026-11-27T02:10:00+01:00");
    assert_eq!(
        file_fault(&text.replace("bo;no", "bo;yes")),
        FileFault::Digest
    );
    assert_eq!(
        file_fault(&full(rows, 3, "2026-11-27T02:10:00+01:00")),
        FileFault::Rows { said: 3, found: 2 }
    );
    assert_eq!(
        file_fault(&format!("{text}cy;yes\n")),
        FileFault::AfterTrailer { line: 5 }
    );
    assert_eq!(
        file_fault("username\nanna\n# rows=1 full\n"),
        FileFault::Trailer { line: 3 }
    );
    assert!(matches!(
        file_fault(&full(rows, 2, "2026-11-28T02:10:00+01:00")),
        FileFault::Future { .. }
    ));
}

#[test]
fn file_without_news_has_a_trailer_and_an_empty_one_is_refused() {
    let news = feed("# rows=0 produced=2026-11-27T02:10:00+01:00\n").unwrap();
    assert_eq!((news.rows, news.is_full), (0, false));
    assert_eq!(file_fault(""), FileFault::Empty);
    assert_eq!(file_fault("username;active\n"), FileFault::Empty);
}

#[test]
fn headers_are_known_and_there_once() {
    assert_eq!(
        file_fault("username;colour\nanna;red\n"),
        FileFault::UnknownHeader {
            header: "colour".to_owned()
        }
    );
    assert_eq!(
        file_fault("username;Username\nanna;anna\n"),
        FileFault::ColumnTwice {
            column: "username".to_owned()
        }
    );
    let unknown = faults("{\"username\":\"anna\",\"colour\":\"red\"}");
    assert_eq!(unknown[0].3, RowFault::UnknownColumn);
    assert_eq!(faults("{\"username\":\"anna\"")[0].3, RowFault::Json);
    assert_eq!(faults("{\"username\":[\"anna\"]}")[0].3, RowFault::Nested);
}

#[test]
fn faults_beyond_a_hundred_are_counted_and_long_values_cut() {
    let rows: String = (0..150)
        .map(|row| format!("a{row};{}\n", "x".repeat(300)))
        .collect();
    let errors = feed(&format!("username;name\n{rows}")).unwrap_err();
    assert_eq!((errors.rows.len(), errors.rows_in_all), (MOST_FAULTS, 150));
    let first = &errors.rows[0];
    assert_eq!(first.fault, RowFault::TooLong);
    assert_eq!(first.value.as_ref().unwrap().chars().count(), 41);
}

#[test]
fn death_without_a_day_is_of_today() {
    let text = "username;end-kind\nanna;deceased\n";
    let (_, statement) = feed(text).unwrap().statements.remove(0);
    assert_eq!(statement.ended_on, Said::Is("2026-11-27".parse().unwrap()));
}

proptest! {
    /// Whatever the octets, an answer comes and what is read is bounded.
    #[test]
    fn any_octets_have_an_answer(
        head in prop::sample::select(vec!["", "username;name\n", "{", "#", "username,eppn\n\""]),
        octets in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let text = [head.as_bytes(), &octets].concat();
        let _ = feed_of(&text, &Columns::default(), false);
    }

    /// A cell in quotes comes back as it was, whatever it holds; text of one line that is no number.
    #[test]
    fn cells_survive_their_quotes(name in "[a-zæøå;,\" ]{1,40}x") {
        let quoted = name.replace('"', "\"\"");
        let feed = feed(&format!("username;name;campus\nanna;\"{quoted}\";Oslo\n")).unwrap();
        let statement = &feed.statements[0].1;
        prop_assert_eq!(&statement.name, &Said::Is(name.trim().to_owned()));
        prop_assert_eq!(&statement.campus, &Said::Is("Oslo".to_owned()));
    }
}
