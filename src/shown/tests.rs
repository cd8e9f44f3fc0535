use super::*;

/// Each does something to a terminal, a log or an eye.
const HOSTILE: [&str; 14] = [
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "a\nb",
    "a\r\nb",
    "\u{85}",
    "\u{9b}2J",
    "\u{202e}moc",
    "\u{2028}",
    "\u{a0}",
    "\u{200b}",
    "\u{feff}",
    "\u{3164}",
    "\u{2800}",
    "\u{e0041}",
];

/// The only characters that may be in what is shown.
fn is_harmless(text: &str) -> bool {
    text.chars().all(is_fit)
}

#[test]
fn what_moves_a_cursor_forges_a_line_or_hides_is_written_as_its_number() {
    let cases = [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("anna\r\n\tola", "anna\\r\\n\\tola"),
        ("\u{9b}2J", "\\u{9b}2J"),
        ("anna@campus.example\u{a0}", "anna@campus.example\\u{a0}"),
        ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
        ("a\u{200b}b\u{2028}c", "a\\u{200b}b\\u{2028}c"),
        ("\u{e000}\u{378}", "\\u{e000}\\u{378}"),
        ("a\0b", "a\\x00b"),
    ];
    for (hostile, shown) in cases {
        assert_eq!(Shown(hostile).to_string(), shown);
        assert_eq!(Outside::from(hostile).to_string(), shown);
        assert_eq!(as_given(hostile.as_bytes()), shown);
    }
}

#[test]
fn words_of_people_stay_as_they_are() {
    for text in [
        "Åse Ærlig Øyen",
        "CAMPUS\\anna",
        "Zoë O'Neill \"Z\"",
        "渡辺",
        "ไทย",
        "a\u{30a}",
    ] {
        assert_eq!(Shown(text).to_string(), text);
        assert_eq!(lines(text), text);
        assert_eq!(json(text), text);
    }
}

#[test]
fn octets_that_are_no_text_are_written_as_their_numbers() {
    assert_eq!(as_given(b"bl\xe5b\xc3\xa6r"), "bl\\xe5bær");
}

#[test]
fn a_field_is_cut_after_what_an_attribute_holds() {
    assert_eq!(as_given("å".repeat(100).as_bytes()), "å".repeat(100));
    for octets in [&[b'x'; 100_000][..], &[0x1b; 1000]] {
        let cut = as_given(octets).into_owned();
        assert_eq!(cut.chars().count(), MOST + 1);
        assert!(cut.ends_with('…'));
    }
}

#[test]
fn a_field_keeps_its_width() {
    assert_eq!(format!("{:<6}|", Shown("ab")), "ab    |");
    assert_eq!(format!("{:<6}|", Shown("a\u{a0}")), "a\\u{a0}|");
}

#[test]
fn nothing_hostile_passes_any_of_the_doors() {
    for hostile in HOSTILE {
        assert!(is_harmless(&Shown(hostile).to_string()), "{hostile:?}");
        assert!(is_harmless(&as_given(hostile.as_bytes())), "{hostile:?}");
        let mut line = Escaper::of_line(String::new());
        line.write_str(hostile).unwrap();
        assert!(is_harmless(&line.to), "{hostile:?}");
        assert!(lines(hostile).split('\n').all(is_harmless), "{hostile:?}");
        let mut written = b"x".to_vec();
        assert!(write_json(&mut written, &hostile));
        assert!(is_harmless(std::str::from_utf8(&written).unwrap()));
        assert!(is_harmless(&pretty_json(&hostile)), "{hostile:?}");
    }
}

#[test]
fn json_means_the_same_afterwards() {
    for hostile in HOSTILE {
        let mut written = Vec::new();
        assert!(write_json(&mut written, &[hostile, "å"]));
        let read: Vec<String> = serde_json::from_slice(&written).unwrap();
        assert_eq!(read, [hostile, "å"]);
    }
}

#[test]
fn an_answer_keeps_its_lines_and_loses_all_else() {
    assert_eq!(lines("a\n\tb\x1b[2J\n"), "a\n\tb\\x1b[2J\n");
}

proptest::proptest! {
    #[test]
    fn any_octets_become_one_harmless_line(octets: Vec<u8>) {
        let text = as_given(&octets);
        assert!(is_harmless(&text));
        assert!(text.chars().count() <= MOST + 1);
    }
}

#[test]
fn combining_marks_are_shown_on_a_letter_and_escaped_beyond_four() {
    for plain in ["e\u{301}", "Tie\u{302}\u{301}ng", "\u{e17}\u{e35}\u{e48}"] {
        assert_eq!(line(plain), plain);
    }
    assert_eq!(line("\u{301}a"), "\\u{301}a");
    assert_eq!(line("a \u{301}"), "a \\u{301}");
    let stacked = format!("a{}", "\u{30d}".repeat(6));
    let shown = format!("a{}{}", "\u{30d}".repeat(4), "\\u{30d}".repeat(2));
    assert_eq!(line(&stacked), shown);
    assert_eq!(lines("a\n\u{20dd}"), "a\n\\u{20dd}");
    assert_eq!(json("[\"\u{301}a\u{301}\"]"), "[\"\\u0301a\u{301}\"]");
}
