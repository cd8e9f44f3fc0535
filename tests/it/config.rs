//! The configuration as an operator meets it: shipped samples, and files full of mistakes beside
//! what is said of them. `UPDATE_EXPECTED=1` rewrites the expected texts.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use portvakt::config::{
    CertificateName, Config, FileContent, Problems, Readers, Secret, Warning, describe,
};
use portvakt_auth::{Kind, Realm, SameWrongPassword};
use portvakt_eap::{MethodType, UntunnelledMethod};
use portvakt_radius::{RequestWriter, SharedSecret};

use crate::common::issued::ISSUED;

const SAMPLE: &str = "config/portvakt.toml";
const FULL: &str = "tests/config/full.toml";
const SEALING_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn realm(name: &str) -> Realm {
    Realm::parse(name).unwrap()
}

/// A request that is signed with a secret, to compare secrets by.
fn signed(secret: &SharedSecret) -> Vec<u8> {
    let mut buffer = [0; 64];
    let request = RequestWriter::status_server(0, [0; 16], &mut buffer).unwrap();
    request.finish(secret).unwrap().to_vec()
}

/// 2026 by the clock of 1970.
const BEGIN_OF_2026: u64 = 1_767_225_600;
const DAY: u64 = 24 * 60 * 60;

/// The machine on which the configurations are read.
fn read(text: &str, path: &Path, config: &Path) -> io::Result<FileContent> {
    let binary = |octets: Vec<u8>| FileContent {
        octets: Secret::new(octets),
        readers: Readers::Owner,
    };
    let private = |octets: &str| binary(octets.as_bytes().to_vec());
    let (begins, ends) = (BEGIN_OF_2026, BEGIN_OF_2026 + 365 * DAY);
    if path == config {
        return Ok(private(text));
    }
    match path.file_name().and_then(|name| name.to_str()) {
        Some("radius.pem") => Ok(private(&ISSUED.certificate)),
        Some("radius.key") => Ok(private(&ISSUED.key)),
        Some("radius.ocsp") => Ok(binary(crate::common::ocsp::good(&ISSUED.der, begins, ends))),
        Some("revoked.ocsp") => Ok(binary(crate::common::ocsp::revoked(
            &ISSUED.der,
            begins,
            ends,
        ))),
        Some("old.ocsp") => Ok(binary(crate::common::ocsp::good(
            &ISSUED.der,
            begins - DAY,
            begins,
        ))),
        Some("early.ocsp") => Ok(binary(crate::common::ocsp::good(
            &ISSUED.der,
            ends,
            ends + DAY,
        ))),
        Some("other.ocsp") => Ok(binary(crate::common::ocsp::good(
            &other_certificate(),
            begins,
            ends,
        ))),
        Some("devices-ca.pem") => Ok(private(&ISSUED.authority)),
        Some("devices.crl") => Ok(private(&ISSUED.revocation_list)),
        Some("ticket.keys") => Ok(private("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n")),
        Some("short.keys") => Ok(private("SUPERhiddenkey=\n")),
        Some("cui.key") => Ok(private(SEALING_KEY)),
        Some("sealing.key") => Ok(private(SEALING_KEY)),
        Some("access-points") => Ok(private("sixteen octets or more\n")),
        Some("short") => Ok(FileContent {
            readers: Readers::Everybody,
            ..private("short\n")
        }),
        // Files that have something wrong with them; whoever has another adds it there.
        Some(name) => std::fs::read(Path::new("tests/config/files").join(name)).map(binary),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

fn other_certificate() -> Vec<u8> {
    let params = rcgen::CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn load_at(text: &str, now: Timestamp) -> Result<(Config, Vec<Warning>), Problems> {
    let path = PathBuf::from("/etc/portvakt/portvakt.toml");
    let env = |name: &str| {
        (name == "CONTROLLER_SECRET").then(|| "a secret of the environment".to_owned())
    };
    Config::load(&path, &env, &|asked| read(text, asked, &path), now)
}

fn load(text: &str) -> Result<(Config, Vec<Warning>), Problems> {
    load_at(text, now())
}

fn text(path: &str) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// A configuration with `lines` at its end.
fn with(lines: &str) -> String {
    format!(
        "realms = [\"campus.example\"]\n\
         [[client]]\nname = \"ap\"\nnet = \"10.0.0.1\"\nsecret-file = \"access-points\"\n\
         [eap]\ncertificate = \"radius.pem\"\nkey = \"radius.key\"\n{lines}\n"
    )
}

fn warnings(lines: &str) -> String {
    let (_, warnings) = load(&with(lines)).unwrap_or_else(|problems| panic!("{problems}"));
    warnings.iter().map(Warning::to_string).collect()
}

fn problems(text: &str) -> String {
    load(text).expect_err("should be refused").to_string()
}

#[test]
fn shipped_sample_loads_without_a_warning() {
    let (config, warnings) = load(&text(SAMPLE)).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(config.realms, [realm("campus.example")]);
    let secret = SharedSecret::new(b"sixteen octets or more").unwrap();
    assert_eq!(signed(&config.clients[0].secret), signed(&secret));
    assert_eq!(config.listen.len(), 2);
    assert_eq!(config.rules.lockout.attempts, 6);
    assert_eq!(config.rules.lockout.duration, Duration::from_secs(1800));
}

#[test]
fn defaults_shown_in_the_sample_are_the_defaults() {
    let sample = text(SAMPLE);
    let is_setting = |line: &str| {
        line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase() || c == '[')
    };
    let shown = sample
        .lines()
        .map(|line| if is_setting(line) { &line[1..] } else { line });
    let shown = shown.collect::<Vec<_>>().join("\n");
    let (written_out, _) = load(&shown).unwrap_or_else(|problems| panic!("{problems}"));
    let (left_out, _) = load(&sample).unwrap();
    assert_eq!(format!("{written_out:#?}"), format!("{left_out:#?}"));
}

#[test]
fn sample_shows_every_key() {
    let sample = text(SAMPLE);
    for line in text(FULL).lines() {
        let Some((key, _)) = line.split_once(" =") else {
            continue;
        };
        let known = sample.contains(&format!("{key} = ")) || key == "ansatt";
        assert!(known, "{key} is not in the sample");
    }
}

#[test]
fn every_key_is_read() {
    let (config, warnings) = load(&text(FULL)).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    let (default, _) = load(&text(SAMPLE)).unwrap();
    let [full, default] = [config.clone(), default].map(|config| format!("{config:#?}"));
    let default: Vec<&str> = default.lines().collect();
    // A line of the debug output that equals the default's shows a key that was not read.
    let unread: Vec<&str> = full
        .lines()
        .filter(|line| {
            line.contains(": ")
                && !line.trim_start().starts_with('"')
                && !line.ends_with(['{', '[', '('])
                && default.contains(line)
        })
        .filter(|line| !line.contains("eap: true") && !line.contains("Secret("))
        .collect();
    let expected = [
        "name: \"access-points\"",
        "service: \"eduroam\"",
        "pap: false",
        "federation_peer: false",
        "mschapv2: false",
        "legacy_mschap: false",
        "legacy_chap: false",
        "ikev2_methods: []",
        "mschap_retry: false",
        "send_vlan: false",
        "send_user_name: false",
        "message_authenticator: Required",
        "p_cost: 1",
        "version: ",
        "output_len: ",
        "len: 0",
        "name: \"default\"",
        "certificate:",
        "input_files: InputFiles",
        "not_before",
        "not_after",
        "directory: None",
        "disconnect: None",
    ];
    let unexpected: Vec<_> = unread
        .iter()
        .filter(|l| !expected.iter().any(|e| l.contains(e)))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert_eq!(
        config.realms,
        ["campus.example", "student.campus.example"].map(realm)
    );
    assert_eq!(config.data, Path::new("/etc/portvakt/data"));
    let secret = SharedSecret::new(b"a secret of the environment").unwrap();
    assert_eq!(signed(&config.clients[1].secret), signed(&secret));
    assert_eq!(
        config.rules.lockout.same_wrong_password,
        SameWrongPassword::Once
    );
    assert_eq!(config.accounts.kinds["ansatt"], Kind::Employee);
    assert_eq!(config.accounts.kinds["faculty"], Kind::Employee);
    assert_eq!(config.passwords.remember_proofs, Duration::ZERO);
    assert!(config.metrics.is_none());
}

#[test]
fn bogus_key_is_refused_in_every_table_of_every_sample() {
    for sample in [SAMPLE, FULL] {
        let text = text(sample);
        let lines: Vec<&str> = text.lines().collect();
        let mut refused = 0;
        let tables = (0..lines.len())
            .filter(|i| lines[*i].starts_with('['))
            .map(|i| i + 1);
        for at in std::iter::once(0).chain(tables) {
            let mut lines = lines.clone();
            lines.insert(at, "bogus-key = 1");
            let problems = problems(&lines.join("\n"));
            let place = format!("/etc/portvakt/portvakt.toml:{}:", at + 1);
            assert!(problems.starts_with(&place), "{place}\n{problems}");
            assert!(problems.contains("bogus-key"), "{problems}");
            assert!(problems.ends_with("\n1 problem\n"), "{problems}");
            refused += 1;
        }
        assert!(refused > 10, "{sample} has {refused} tables");
    }
}

#[test]
fn wrong_value_of_any_key_is_refused_with_its_line() {
    let text = text(FULL);
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once(" = ") else {
            continue;
        };
        for wrong in ["-1", "\"\"", "{ a = 1 }", "1979-05-27", "[[]]", "1.5"] {
            let mut lines = lines.clone();
            let changed = format!("{key} = {wrong}");
            lines[at] = &changed;
            let problems = problems(&lines.join("\n"));
            let place = format!("/etc/portvakt/portvakt.toml:{}:", at + 1);
            assert!(problems.starts_with(&place), "{changed}\n{problems}");
        }
    }
}

#[test]
fn mistakes_are_all_reported_at_once_with_place_and_advice() {
    for entry in std::fs::read_dir("tests/config").unwrap() {
        let path = entry.unwrap().path();
        let expected_path = path.with_extension("expected");
        if path.extension().is_none_or(|e| e != "toml") || path.ends_with("full.toml") {
            continue;
        }
        let said = problems(&text(path.to_str().unwrap()));
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected_path, &said).unwrap();
        }
        let expected = std::fs::read_to_string(&expected_path).unwrap_or_default();
        assert_eq!(said, expected, "{}", path.display());
        assert!(
            !said.contains("SUPER") && !said.contains("73577357"),
            "{said}"
        );
    }
}

#[test]
fn secrets_are_in_no_debug_output_and_no_description() {
    let (config, warnings) = load(&text(FULL)).unwrap();
    let shown = format!("{config:?}{warnings:?}{:?}", describe(&config));
    for secret in [
        "a-long-and-random-secret",
        "sixteen octets",
        "a secret of the environment",
        "PRIVATE",
        "BwcHBwcH",
    ] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

/// Authentication at a port or an address of its own brings no accounting elsewhere.
#[test]
fn accounting_listens_beside_authentication_unless_told_otherwise() {
    let listens = |lines: &str| {
        let (config, _) = load(&with(lines)).unwrap_or_else(|problems| panic!("{problems}"));
        let listens = config.accounting.listen.iter().map(ToString::to_string);
        listens.collect::<Vec<_>>().join(" ")
    };
    let at = |address: &str| format!("[[listen]]\naddress = \"{address}\"\n");
    let given = "[accounting]\nlisten = [\"192.0.2.2\", \"[::1]:1646\"]";
    for (lines, expected) in [
        (String::new(), "0.0.0.0:1813 [::]:1813"),
        (
            at("192.0.2.1:1812") + &at("192.0.2.1:1645"),
            "192.0.2.1:1813",
        ),
        (at("127.0.0.1:0"), ""),
        ("[accounting]\nlisten = []".to_owned(), ""),
        (given.to_owned(), "192.0.2.2:1813 [::1]:1646"),
    ] {
        assert_eq!(listens(&lines), expected, "{lines}");
    }
    let same = at("192.0.2.1:1813") + "[accounting]\nlisten = [\"192.0.2.1:1813\"]";
    assert!(problems(&with(&same)).contains("have a port each"));
}

#[test]
fn weak_settings_are_warned_of() {
    let client = "[[client]]\nname = \"weak\"\n";
    let cases = [
        (
            "net = \"0.0.0.0/0\"\nsecret-file = \"access-points\"",
            "anybody on the internet",
        ),
        (
            "net = \"10.0.0.2\"\nsecret = \"testing123\"",
            "under 16 octets",
        ),
        (
            "net = \"10.0.0.2\"\nsecret-file = \"short\"",
            "every user of this machine",
        ),
        (
            "net = \"10.0.0.2\"\nsecret-file = \"access-points\"\nmethods = [\"pap\"]",
            "show their password",
        ),
        (
            "net = \"10.0.0.2\"\nsecret-file = \"access-points\"\n\
             legacy-message-authenticator-optional = true",
            "CVE-2024-3596",
        ),
    ];
    for (lines, expected) in cases {
        let said = warnings(&format!("{client}{lines}"));
        assert!(said.contains(expected), "{lines}:\n{said}");
        assert!(!said.contains("testing123"), "{said}");
    }
    assert!(warnings("[accounts]\nwrite-nt-hashes-danger = true").contains("steals an NT hash"));
    assert!(warnings("[metrics]\naddress = \"0.0.0.0\"").contains("other machines"));
    assert!(warnings("[service.vnp]\nvlan = \"7\"").contains("no client has this service"));
}

#[test]
fn certificate_is_warned_of_thirty_days_before_it_expires() {
    let at = |now: &str| {
        let (_, warnings) = load_at(&with(""), now.parse().unwrap()).unwrap();
        warnings.iter().map(Warning::to_string).collect::<String>()
    };
    assert_eq!(at("2026-12-01T00:00:00Z"), "");
    assert!(at("2026-12-12T00:00:00Z").contains("expires on 2027-01-01, in 20 days"));
    assert!(at("2027-02-01T00:00:00Z").contains("expired on 2027-01-01"));
    assert!(at("2025-02-01T00:00:00Z").contains("not valid before 2026-01-01"));
}

#[test]
fn key_of_another_certificate_is_refused() {
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let path = Path::new("/etc/portvakt/portvakt.toml");
    let text = with("");
    let reader = |asked: &Path| match asked.ends_with("radius.key") {
        true => Ok(FileContent {
            octets: Secret::new(other.clone().into_bytes()),
            readers: Readers::Owner,
        }),
        false => read(&text, asked, path),
    };
    let problems = Config::load(path, &|_| None, &reader, now())
        .unwrap_err()
        .to_string();
    assert!(
        problems.contains("eap.key = \"radius.key\": this key does not belong"),
        "{problems}"
    );
}

#[test]
fn sealing_key_that_is_none_is_refused_and_not_shown() {
    let said = problems(&with("[accounts]\nsealing-key-file = \"access-points\""));
    assert!(said.contains("accounts.sealing-key-file"), "{said}");
    assert!(said.contains("openssl rand -base64 32"), "{said}");
    assert!(!said.contains("sixteen octets"), "{said}");
}

#[test]
fn database_in_the_clear_and_settings_of_none_are_warned_of() {
    let said = warnings("[store]\nurl = \"postgres://portvakt@db1/portvakt?sslmode=disable\"");
    assert!(
        said.contains("store.url: password hashes cross the network"),
        "{said}"
    );
    let here = "[store]\nurl = \"postgres://portvakt@%2Frun%2Fpostgresql/portvakt\"";
    assert_eq!(warnings(here), "");
    let said = warnings("[store]\nsynchronous-commit = \"local\"");
    assert!(said.contains("store.synchronous-commit"), "{said}");
    assert!(said.contains("without `store.url`"), "{said}");
}

/// I4.
#[test]
fn cui_key_that_is_none_is_refused_and_not_shown() {
    let said = problems(&with("[radius]\ncui-key-file = \"short.keys\"\n"));
    assert!(said.contains("radius.cui-key-file"), "{said}");
    assert!(
        said.contains("openssl rand -base64 32") && !said.contains("SUPER"),
        "{said}"
    );
}

#[test]
fn file_that_cannot_be_read_gets_one_sentence() {
    let problems = Config::load(
        Path::new("/nowhere/a.toml"),
        &|_| None,
        &portvakt::config::read_file,
        now(),
    );
    let said = problems.unwrap_err().to_string();
    assert!(
        said.starts_with("/nowhere/a.toml: error: cannot be read: No such file"),
        "{said}"
    );
}

#[test]
fn clients_without_eap_need_no_certificate() {
    let text = "realms = [\"campus.example\"]\n[[client]]\nname = \"vpn\"\nnet = \"10.0.0.1\"\n\
                service = \"vpn\"\nmethods = [\"pap\"]\nsecret-file = \"access-points\"\n";
    let (config, _) = load(text).unwrap();
    assert!(config.eap.is_none());
}

#[test]
fn description_has_no_more_than_a_line_per_fact() {
    let (config, _) = load(&text(FULL)).unwrap();
    let lines = describe(&config);
    assert!(lines.iter().all(|line| !line.contains('\n')));
    assert!(
        lines
            .iter()
            .any(|line| line.contains("vpn (192.0.2.1/32): vpn, eap, pap, legacy"))
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("radius.campus.example, valid until 2027-01-01"))
    );
}

/// A response that says nothing for the certificate is left out, and why is told.
#[test]
fn ocsp_response_that_does_not_fit_is_warned_of_and_not_shown() {
    for (file, expected) in [
        ("revoked.ocsp", "that the certificate is revoked"),
        ("old.ocsp", "ended at 2026-01-01"),
        ("early.ocsp", "not valid before 2027-01-01"),
        ("other.ocsp", "about another certificate"),
        ("radius.pem", "no OCSP response"),
    ] {
        let (config, warnings) = load(&with(&format!("ocsp-response = \"{file}\""))).unwrap();
        assert!(config.eap.unwrap().defaults.chain.ocsp_response.is_none());
        let said: String = warnings.iter().map(Warning::to_string).collect();
        assert!(said.contains(expected), "{file}: {said}");
    }
    let (config, warnings) = load(&with("ocsp-response = \"radius.ocsp\"")).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(config.eap.unwrap().defaults.chain.ocsp_response.is_some());
    assert_eq!(
        config.next_expiry,
        Some("2027-01-01T00:00:00Z".parse().unwrap())
    );
}

/// Keys that a realm's table leaves out are as in `[eap]`; keys that belong together are replaced together.
#[test]
fn realm_takes_from_eap_what_it_does_not_say() {
    let eap = "methods = [\"peap\", \"tls\"]\nclient-ca = \"devices-ca.pem\"\n\
               client-crl = \"devices.crl\"\nclient-names = [\"email\"]\n";
    let realm = |lines: &str| {
        let text = with(&format!("{eap}[realm.\"Campus.Example\"]\n{lines}"));
        let (config, _) = load(&text).unwrap_or_else(|problems| panic!("{problems}"));
        config.realm_rules[&self::realm("campus.example")]
            .eap
            .clone()
            .unwrap()
    };
    let same = realm("");
    assert_eq!(same.methods, [MethodType::Peap, MethodType::Tls]);
    assert_eq!(same.chain.name, "default");
    assert!(same.client_certificates.unwrap().revocation_lists.is_some());
    let own = realm(
        "methods = [\"tls\"]\ncertificate = \"radius.pem\"\nkey = \"radius.key\"\n\
         client-ca = \"devices-ca.pem\"",
    );
    assert_eq!(own.methods, [MethodType::Tls]);
    assert_eq!(own.chain.name, "campus.example");
    let certificates = own.client_certificates.unwrap();
    assert!(
        certificates.revocation_lists.is_none(),
        "lists of another CA"
    );
    assert_eq!(certificates.names, [CertificateName::Email]);
}

/// Metrics and the health page tell of it; whoever runs `check` sees it, too.
#[test]
fn stale_revocation_list_is_warned_of() {
    let text = with("client-ca = \"devices-ca.pem\"\nclient-crl = \"devices.crl\"");
    let (_, warnings) = load_at(&text, "2027-01-02T00:00:00Z".parse().unwrap()).unwrap();
    let said: String = warnings.iter().map(Warning::to_string).collect();
    assert!(
        said.contains("should have been replaced by 2027-01-01"),
        "{said}"
    );
}

/// E11: a realm's own methods count, with whatever chain it is shown.
#[test]
fn realm_whose_methods_need_too_many_round_trips_is_warned_of() {
    let text = with("max-fragment = 256\n[realm.\"campus.example\"]\nmethods = [\"peap\"]");
    let (_, warnings) = load(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let said = warnings[0].to_string();
    assert!(
        said.contains("realm.campus.example.methods: the chain has"),
        "{said}"
    );
    assert!(said.contains("round trips in fragments of 256"), "{said}");
}

const DIRECTORY: &str = "template = \"openldap\"
servers = [\"ldaps://ldap.campus.example\"]
base = \"ou=people,dc=campus,dc=example\"";

#[test]
fn only_directory_has_the_people_of_all_realms_that_name_none() {
    let lines = format!(
        "[realm.\"guests.example\"]\ndirectory = \"embedded\"\n[directory.campus]\n{DIRECTORY}"
    );
    let text = with(&lines).replace(
        "[\"campus.example\"]",
        "[\"campus.example\", \"guests.example\", \"old.campus.example\"]",
    );
    let (config, warnings) = load(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(warnings.is_empty(), "{warnings:?}");
    let account_sources: Vec<_> = config
        .account_sources
        .iter()
        .map(|home| (home.name(), &*home.realms))
        .collect();
    let of_campus = ["campus.example", "old.campus.example"].map(realm);
    let of_guests = [realm("guests.example")];
    assert_eq!(
        account_sources,
        [("campus", &of_campus[..]), ("embedded", &of_guests)]
    );
}

#[test]
fn rules_of_a_realm_are_as_everywhere_where_it_says_nothing_else() {
    let (config, _) = load(&with(
        "[lockout]\nattempts = 5\nduration = \"1h\"\n\
         [realm.\"campus.example\".lockout]\nattempts = 4\n\
         [realm.\"campus.example\".passwords]\nvalid-days = 90\n",
    ))
    .unwrap_or_else(|problems| panic!("{problems}"));
    let rules = &config.account_sources[0].rules;
    assert_eq!(rules.lockout.attempts, 4);
    assert_eq!(rules.lockout.duration, Duration::from_secs(3600));
    assert_eq!(rules.password_validity.usual, Some(90));
    assert_eq!(rules.terms, config.rules.terms);
    assert_eq!(config.rules.lockout.attempts, 5);
}

/// R4: a copy that comes while the refusal waits must be known as one.
#[test]
fn request_is_known_for_as_long_as_its_refusal_waits() {
    let waits = "[radius]\nreject-delay = \"4s\"\nreject-jitter-percent = 25\n";
    let said = problems(&format!("{waits}duplicate-lifetime = \"5s\"\n"));
    assert!(said.contains("counts as another one"), "{said}");
    let said = problems(&format!("{waits}duplicate-lifetime = \"6s\"\n"));
    assert!(!said.contains("counts as another one"), "{said}");
}

#[test]
fn delay_of_a_client_is_its_own_and_no_longer_than_its_patience() {
    let with_client = |delay: &str| {
        let lines = "realms = [\"campus.example\"]\n[radius]\nreject-delay = \"500ms\"\n";
        let client = "[[client]]\nname = \"vpn\"\nnet = \"10.0.0.1\"\nservice = \"vpn\"\n\
             methods = [\"pap\"]\nsecret-file = \"access-points\"\n";
        load(&format!("{lines}{client}{delay}\n"))
    };
    for (line, delay) in [("", 500), ("reject-delay = \"0s\"", 0)] {
        let (config, _) = with_client(line).unwrap();
        assert_eq!(config.clients[0].reject_delay, Duration::from_millis(delay));
    }
    let (_, warnings) = with_client("reject-delay = \"2001ms\"").unwrap();
    let said: String = warnings.iter().map(Warning::to_string).collect();
    assert!(said.contains("gives up on an answer"), "{said}");
    let said = with_client("reject-delay = \"6s\"")
        .unwrap_err()
        .to_string();
    assert!(said.contains("client[1].reject-delay"), "{said}");
}

#[test]
fn reply_attributes_are_checked_by_their_type() {
    let said = |lines: &str| problems(&with(&format!("[service.eduroam.reply.staff]\n{lines}\n")));
    for (line, words) in [
        ("class = \"\"", "text of 1 to 253 octets"),
        ("filter-id = 7", "text of 1 to 253 octets"),
        ("framed-route = [\"10.0.0.0/33\"]", "an IPv4 network"),
        ("framed-route = [\"2001:db8::/32\"]", "an IPv4 network"),
        ("framed-ipv6-route = [\"10.0.0.0/8\"]", "an IPv6 network"),
        ("framed-ip-netmask = \"/24\"", "an IPv4 address"),
        ("idle-timeout = \"500ms\"", "of a second or more"),
        (
            "dns = [\"10.0.0.1\", \"10.0.0.2\", \"10.0.0.3\"]",
            "two servers of IPv4",
        ),
        ("aruba-user-roll = \"staff\"", "aruba-user-role"),
    ] {
        let said = said(line);
        assert!(said.contains(words), "{line}: {said}");
    }
    let many: Vec<_> = (0..4).map(|_| format!("\"{}\"", "x".repeat(240))).collect();
    let said = said(&format!("cisco-avpair = [{}]", many.join(", ")));
    assert!(said.contains("these take 992"), "{said}");
    let long = "x".repeat(240);
    let profile = |name: &str, keys: [&str; 3]| {
        let lines = keys.map(|key| format!("{key} = \"{long}\"\n")).concat();
        format!("[service.eduroam.reply.{name}]\n{lines}")
    };
    let first = profile("one", ["class", "filter-id", "framed-pool"]);
    let second = profile(
        "two",
        ["framed-ipv6-pool", "aruba-user-role", "mikrotik-group"],
    );
    let third = profile(
        "three",
        ["class", "ruckus-user-groups", "paloalto-user-group"],
    );
    let fourth = profile(
        "four",
        ["juniper-local-user-name", "cisco-asa-group-policy", "class"],
    );
    let in_all = |profiles: &[&str]| load(&with(&profiles.concat()));
    assert!(in_all(&[&first, &second, &third]).is_ok());
    let said = in_all(&[&first, &second, &third, &fourth])
        .unwrap_err()
        .to_string();
    assert!(said.contains("would get 2456"), "{said}");
    let slip = warnings("[service.eduroam.reply.employe]\nclass = \"OU=staff\"");
    assert!(slip.contains("did you mean \"employee\""), "{slip}");
    let fine = warnings("[service.eduroam.reply.admins]\nclass = \"OU=admins\"");
    assert!(!fine.contains("admins"), "{fine}");
}

/// Without a tunnel a log-on is for a VPN gateway alone.
#[test]
fn methods_without_a_tunnel_are_for_vpn_gateways_alone() {
    let with_client = |lines: &str| {
        let client = "realms = [\"campus.example\"]\n[eap]\ncertificate = \"tls/radius.pem\"\n\
             key = \"tls/radius.key\"\n[[client]]\nname = \"vpn\"\nnet = \"10.0.0.1\"\n\
             secret-file = \"access-points\"\nikev2-methods = [\"eap-gtc\", \"eap-mschapv2\"]\n";
        load(&format!("{client}{lines}\n"))
    };
    let (config, _) = with_client("service = \"vpn\"").unwrap();
    let both = [UntunnelledMethod::Gtc, UntunnelledMethod::MsChapV2];
    assert_eq!(config.clients[0].ikev2_methods, both);
    for (lines, key) in [
        ("", "service"),
        ("service = \"wired\"", "service"),
        ("service = \"vpn\"\nsend-vlan = true", "send-vlan"),
        (
            "service = \"vpn\"\nfederation-peer = true",
            "federation-peer",
        ),
        ("service = \"vpn\"\nmethods = [\"pap\"]", "methods"),
    ] {
        let said = with_client(lines).unwrap_err().to_string();
        assert!(said.contains("client[1].ikev2-methods"), "{said}");
        assert!(said.contains(key), "{said}");
    }
    for elsewhere in [
        "\n[eap]\nmethods = [\"eap-gtc\"]\n",
        "\n[eap]\nmethods = [\"eap-mschapv2\"]\n",
    ] {
        let said = problems(&text(SAMPLE).replacen("\n[eap]\n", elsewhere, 1));
        assert!(said.contains("eap.methods[1]"), "{said}");
    }
}

/// AC6.
#[test]
fn reports_of_sessions_are_asked_for_as_often_as_allowed() {
    let said = problems(&with("[accounting]\ninterim-interval = \"30s\""));
    assert!(said.contains("\"60s\" or more"), "{said}");
    let said = warnings("[accounting]\nstale-after = \"20m\"");
    assert!(said.contains("counts as over"), "{said}");
    let said = warnings("[accounting]\ninterim-interval = \"0s\"\nstale-after = \"5m\"");
    assert!(!said.contains("counts as over"), "{said}");
}

#[test]
fn group_that_names_no_reply_profile_is_warned_of() {
    let directory = "[directory.campus]\ntemplate = \"openldap\"\nservers = [\"ldaps://ldap.example\"]\n\
         base = \"dc=example\"\nca-file = \"devices-ca.pem\"\n[[directory.campus.group]]\n\
         dn = \"cn=staff,dc=example\"\nreply = \"staff\"\n";
    let said = warnings(directory);
    assert!(said.contains("no service has this reply profile"), "{said}");
    let known = format!("{directory}[service.eduroam.reply.staff]\nclass = \"OU=staff\"\n");
    assert!(!warnings(&known).contains("reply profile"));
}
