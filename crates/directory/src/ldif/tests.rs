use super::*;

fn read(text: &str) -> Vec<Result<Entry, LdifError>> {
    LdifReader::new(text.as_bytes()).collect()
}

fn only(text: &str) -> Entry {
    let mut records = read(text);
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0).unwrap()
}

fn fault(text: &str) -> (u64, LdifFault) {
    let error = read(text)
        .into_iter()
        .find_map(Result::err)
        .expect("an error");
    (error.line, error.fault)
}

fn first<'a>(entry: &'a Entry, name: &'a str) -> &'a str {
    std::str::from_utf8(&entry.values(name).next().expect("the attribute").value).unwrap()
}

#[test]
fn record_has_its_name_and_attributes_in_order() {
    let entry = only("version: 1\n\ndn: uid=anna,dc=x\nuid: anna\nmail: a@x.no\nmail: b@x.no\n");
    assert_eq!(entry.dn, "uid=anna,dc=x");
    assert_eq!(entry.line, Some(3));
    let mails: Vec<_> = entry
        .values("MAIL")
        .map(|mail| mail.value.to_vec())
        .collect();
    assert_eq!(mails, [b"a@x.no", b"b@x.no"]);
}

#[test]
fn folded_lines_are_joined_without_the_space() {
    let entry = only("dn: uid=anna,\n dc=x\ndisplayName: Anna\n  Berg\n");
    assert_eq!(entry.dn, "uid=anna,dc=x");
    assert_eq!(first(&entry, "displayname"), "Anna Berg");
}

#[test]
fn base64_values_are_decoded_even_when_folded() {
    let entry = only("dn:: dWlkPcOlc2U=\ndisplayName:: w4VzZSBCw\n 7hl\n");
    assert_eq!(entry.dn, "uid=åse");
    assert_eq!(first(&entry, "displayname"), "Åse Bøe");
}

#[test]
fn comments_and_their_continuations_are_skipped() {
    let entry = only("# first\n  and more\ndn: x\n# between\n  still\nuid: anna\n");
    assert_eq!(first(&entry, "uid"), "anna");
    assert_eq!(entry.attributes.len(), 1);
}

#[test]
fn carriage_returns_a_byte_order_mark_and_a_missing_last_line_end_are_fine() {
    let records = read("\u{feff}version: 1\r\ndn: a\r\nuid: an\r\n na\r\n\r\n\r\ndn: b\r\nuid: bo");
    let records: Vec<_> = records.into_iter().map(Result::unwrap).collect();
    assert_eq!(first(&records[0], "uid"), "anna");
    assert_eq!(first(&records[1], "uid"), "bo");
    assert_eq!(records[1].line, Some(7));
}

#[test]
fn empty_value_and_option_are_kept() {
    let entry = only("dn: x\ndescription:\ndisplayName;lang-nb: Ånne\n");
    assert_eq!(first(&entry, "description"), "");
    assert_eq!(first(&entry, "displayName;lang-NB"), "Ånne");
    assert_eq!(entry.values("displayName").count(), 0);
}

#[test]
fn nothing_comes_of_nothing() {
    assert!(read("").is_empty());
    assert!(read("\n\n# only a comment\n\n").is_empty());
    assert!(read("version: 1\n").is_empty());
}

#[test]
fn each_fault_is_told_with_its_line() {
    let cases = [
        ("dn: x\nuid anna\n", 2, LdifFault::NoColon),
        ("dn: x\nu id: anna\n", 2, LdifFault::BadName),
        ("dn: x\n: anna\n", 2, LdifFault::BadName),
        ("dn: x\nuid:: !!\n", 2, LdifFault::BadBase64),
        (
            "dn: x\njpegPhoto:< file:///etc/shadow\n",
            2,
            LdifFault::ByReference,
        ),
        (
            "dn: x\nchangetype: modify\nadd: uid\nuid: a\n",
            2,
            LdifFault::ChangeRecord,
        ),
        (
            "dn: x\ncontrol: 1.2.3 true\nchangetype: delete\n",
            2,
            LdifFault::ChangeRecord,
        ),
        ("\nuid: anna\n", 2, LdifFault::NoName),
        ("dn: x\nuid: a\ndn: y\n", 3, LdifFault::SecondName),
        ("dn:: /w==\n", 1, LdifFault::NameNotText),
        ("version: 2\ndn: x\n", 1, LdifFault::Version),
        (" dn: x\n", 1, LdifFault::NothingToContinue),
        ("dn: x\n\n uid: anna\n", 3, LdifFault::NothingToContinue),
        ("dn: x\nuid: a\0b\n", 2, LdifFault::Nul),
    ];
    for (text, line, expected) in cases {
        assert_eq!(fault(text), (line, expected), "{text:?}");
    }
}

#[test]
fn trailer_of_ldapsearch_gets_the_advice_to_leave_it_out() {
    let told = fault("dn: x\nuid: a\n\n# search result\nsearch: 2\nresult: 0 Success\n").1;
    assert!(told.to_string().contains("-LLL"));
}

#[test]
fn reading_goes_on_with_the_record_after_a_broken_one() {
    let records = read("dn: a\nbroken\nuid: lost\n\ndn: b\nuid: bo\n");
    assert_eq!(records.len(), 2);
    assert!(records[0].is_err());
    assert_eq!(first(records[1].as_ref().unwrap(), "uid"), "bo");
}

#[test]
fn line_beyond_the_bound_is_an_error_and_is_not_kept() {
    let text = format!(
        "dn: x\nuid: {}\n more\n\ndn: y\nuid: bo\n",
        "a".repeat(MAX_LINE)
    );
    let mut reader = LdifReader::new(text.as_bytes());
    assert_eq!(
        reader.next().unwrap().unwrap_err().fault,
        LdifFault::LineTooLong
    );
    assert!(reader.text.capacity() <= 2 * MAX_LINE);
    assert_eq!(first(&reader.next().unwrap().unwrap(), "uid"), "bo");
}

#[test]
fn record_beyond_the_bound_is_an_error() {
    let line = format!("jpegPhoto: {}\n", "a".repeat(MAX_LINE - 20));
    assert_eq!(
        fault(&format!("dn: x\n{}", line.repeat(5))).1,
        LdifFault::RecordTooLong
    );
}

#[test]
fn failing_input_ends_the_reading_with_an_error() {
    struct Failing;
    impl io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let mut reader = LdifReader::new(io::BufReader::new(Failing));
    let error = reader.next().unwrap().unwrap_err();
    assert_eq!(error.fault, LdifFault::Io(io::ErrorKind::ConnectionReset));
    assert!(reader.next().is_none());
}

#[test]
fn values_do_not_show_in_debug() {
    let entry = only("dn: x\nuserPassword: hunter2\n");
    assert!(!format!("{entry:?}").contains("hunter2"));
}

#[test]
fn octets_consumed_are_those_of_the_file() {
    let text = "dn: x\nuid: a\n b\n\n# end\n";
    let mut reader = LdifReader::new(text.as_bytes());
    assert!(reader.by_ref().all(|record| record.is_ok()));
    assert_eq!(reader.octets(), text.len() as u64);
}

#[test]
fn arbitrary_octets_never_stop_the_reader() {
    let pieces: [&[u8]; 9] = [
        b"dn: x\n",
        b"\n",
        b" ",
        b"a",
        b":",
        b"\xff",
        b"\r\n",
        b"#",
        b"uid:: YQ==\n",
    ];
    let mut state = 1_u32;
    for _ in 0..2_000 {
        let mut text = Vec::new();
        for _ in 0..12 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.extend_from_slice(pieces[(state >> 16) as usize % pieces.len()]);
        }
        assert!(LdifReader::new(text.as_slice()).count() <= text.len());
    }
}

#[test]
fn entry_that_is_to_be_added_is_an_entry() {
    for line in ["changetype: add", "changetype:Add", "changeType:: YWRk"] {
        let entry = only(&format!("dn: x\n{line}\nuid: anna\n"));
        assert_eq!(first(&entry, "uid"), "anna", "{line}");
    }
    let late = fault("dn: x\nuid: a\nchangetype: add\n");
    assert_eq!(late, (3, LdifFault::ChangeRecord));
}

#[test]
fn version_between_files_that_were_joined_is_passed_over() {
    let text = "version: 1\n\ndn: x\nuid: a\n\nversion: 1\ndn: y\nuid: b\n\nversion: 1\n";
    let records: Vec<_> = read(text).into_iter().map(Result::unwrap).collect();
    let names: Vec<_> = records.iter().map(|entry| first(entry, "uid")).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(fault("dn: x\nuid: a\n\nversion: 2\n").1, LdifFault::Version);
}

#[test]
fn underscores_options_and_numbers_are_attribute_names() {
    let entry = only(
        "dn: x\nfirst_name: Anna\nmember;range=0-1: a\n0.9.2342.19200300.100.1.1: anna\n\
         2.5.4.35: secret\n1.2.3.4: other\n",
    );
    let names: Vec<_> = entry.attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "first_name",
            "member;range=0-1",
            "uid",
            "userpassword",
            "1.2.3.4"
        ]
    );
}

#[test]
fn base64_needs_no_padding() {
    for text in ["YW5uYQ==", "YW5uYQ", "YW5uYQ="] {
        assert_eq!(
            first(&only(&format!("dn: x\nuid:: {text}\n")), "uid"),
            "anna"
        );
    }
    assert_eq!(fault("dn: x\nuid:: YW5uYQ===\n").1, LdifFault::BadBase64);
}

#[test]
fn value_that_nobody_reads_is_passed_over_however_odd_or_large() {
    let text = format!(
        "dn: x\njpegPhoto:< file:///etc/shadow\naudio:: !!\nphoto: {}\n more\nuid: anna\n",
        "a".repeat(5 * 1024 * 1024)
    );
    let text = text + &format!("jpegPhoto: {}\n", "a".repeat(MAX_LINE - 20)).repeat(5);
    let mut reader = LdifReader::new(text.as_bytes()).only(["uid".to_owned()].into());
    let entry = reader.next().unwrap().unwrap();
    assert_eq!(first(&entry, "uid"), "anna");
    assert!(
        entry
            .values("jpegPhoto")
            .all(|value| value.value.is_empty())
    );
    let read =
        LdifReader::new(&b"dn: x\nuid:< file:///etc/shadow\n"[..]).only(["uid".to_owned()].into());
    let refused = read
        .map(|record| record.unwrap_err().fault)
        .collect::<Vec<_>>();
    assert_eq!(refused, [LdifFault::ByReference]);
}
