//! `[sms.gateway.NAME]`: a gateway over HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use portvakt_resets::{DeliveryFault, MessageState};
use reqwest::Url;
use reqwest::header::HeaderName;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

use super::external::External;
use super::pem;
use super::problem::Problem;
use super::secret::Secret;
use super::section::Section;
use crate::sms::{
    AnswerRules, Authentication, BodyFormat, Charset, Condition, FaultRule, Field, Gap,
    GatewaySecret, HttpSettings, Method, ReportRules, Success, Template,
};

const SECOND: Duration = Duration::from_secs(1);

/// Reads the table; `None` where something is missing, which is reported.
pub(super) fn gateway(
    name: &str,
    mut section: Section<'_>,
    external: &External,
    sender: &str,
) -> Option<HttpSettings> {
    let formats = [
        ("json", BodyFormat::Json),
        ("form", BodyFormat::Form),
        ("query", BodyFormat::Query),
    ];
    let methods = [("POST", Method::Post), ("GET", Method::Get)];
    let charsets = [("utf-8", Charset::Utf8), ("latin-1", Charset::Latin1)];
    let address = address(&mut section);
    let format = section.word("body", &formats, BodyFormat::Json);
    let method = section.word("method", &methods, Method::Post);
    if method == Method::Get && format != BodyFormat::Query {
        let place = section.place().clone();
        let problem = Problem::Conflict("method = \"GET\"".to_owned());
        section
            .report()
            .problem(&place, problem, "a GET has its fields in body = \"query\"");
    }
    let charset = section.word("charset", &charsets, Charset::Utf8);
    let user = text(&mut section, "user");
    let secret = secret(&mut section, external);
    let authentication = authentication(&mut section, secret.is_some());
    let headers = headers(&mut section);
    let fields = fields(&mut section, format);
    let timeout = section.duration("timeout", 10 * SECOND, SECOND..=60 * SECOND);
    let proxy = url(&mut section, "proxy");
    let authorities = authorities(&mut section, external);
    let answer = answer(&mut section);
    let drops_repeats = section.boolean("drops-repeats", false).value;
    let report = report(&mut section);
    section.finish();
    Some(HttpSettings {
        name: name.to_owned(),
        url: address?,
        method,
        format,
        charset,
        authentication,
        user: user.unwrap_or_default(),
        secret: secret
            .map(|secret| GatewaySecret(secret.into_octets()))
            .unwrap_or_default(),
        sender: sender.to_owned(),
        headers,
        fields: fields?,
        timeout,
        proxy,
        authorities,
        answer,
        drops_repeats,
        report,
    })
}

fn address(section: &mut Section<'_>) -> Option<Url> {
    if !section.has("url") {
        section.missing(
            "url",
            "the gateway's address, like \"https://sms.example/send\"",
        );
    }
    let place = section.key_place("url");
    let url = url(section, "url")?;
    if url.scheme() == "http" && url.host_str() != Some("127.0.0.1") {
        let lint = "codes and the gateway's secret cross the network in the clear";
        section.report().warning(&place, lint, "use https://");
    }
    Some(url)
}

fn url(section: &mut Section<'_>, key: &'static str) -> Option<Url> {
    const EXPECTED: &str =
        "an address, like \"https://sms.example/send\", without user and password";
    let parse = |text: &str| {
        let url = Url::parse(text).ok()?;
        let is_bare = url.username().is_empty() && url.password().is_none();
        (is_bare && url.has_host() && matches!(url.scheme(), "https" | "http")).then_some(url)
    };
    section
        .parsed(key, EXPECTED, parse)
        .map(|given| given.value)
}

fn text(section: &mut Section<'_>, key: &'static str) -> Option<String> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    section
        .parsed(key, "a text that is not empty", some)
        .map(|given| given.value)
}

/// The secret, in a file or in a variable.
fn secret(section: &mut Section<'_>, external: &External) -> Option<Secret> {
    let from_file = external.secret_file(section, "secret-file");
    let from_variable = external.variable(section, "secret-env");
    let given = from_file.or(from_variable)?;
    if given.value.as_bytes().is_empty() {
        section.report().problem(
            &given.place,
            Problem::Empty,
            "put the gateway's secret there",
        );
    }
    Some(given.value)
}

fn authentication(section: &mut Section<'_>, has_secret: bool) -> Authentication {
    const NAME: &str = "the name of a header, like \"X-Api-Key\"";
    #[derive(Clone, Copy, PartialEq)]
    enum Way {
        None,
        Basic,
        Bearer,
        Header,
    }
    let ways = [
        ("none", Way::None),
        ("basic", Way::Basic),
        ("bearer", Way::Bearer),
        ("header", Way::Header),
    ];
    let place = section.key_place("auth");
    let way = section.word("auth", &ways, Way::None);
    let name = section.parsed("auth-header", NAME, |text| text.parse::<HeaderName>().ok());
    if way != Way::None && !has_secret {
        let problem = Problem::Conflict("no secret".to_owned());
        section
            .report()
            .problem(&place, problem, "give secret-file, or secret-env");
    }
    match (way, name) {
        (Way::None, _) => Authentication::None,
        (Way::Basic, _) => Authentication::Basic,
        (Way::Bearer, _) => Authentication::Bearer,
        (Way::Header, Some(name)) => Authentication::Header(name.value),
        (Way::Header, None) => {
            section.missing("auth-header", "the header that the secret goes into");
            Authentication::None
        }
    }
}

fn headers(section: &mut Section<'_>) -> Vec<(HeaderName, Field)> {
    const EXPECTED: &str = "a table of headers, like { \"X-Reference\" = \"{reference}\" }";
    let Some(given) = section.any("headers", EXPECTED) else {
        return Vec::new();
    };
    let header = |(name, value): (&String, &Value)| {
        let field = Field::parse(value.as_str()?).ok()?;
        Some((name.parse().ok()?, field))
    };
    let table = given.value.as_object();
    let headers = table.and_then(|table| table.iter().map(header).collect::<Option<Vec<_>>>());
    headers.unwrap_or_else(|| {
        section
            .report()
            .problem(&given.place, Problem::Malformed(EXPECTED), "");
        Vec::new()
    })
}

fn fields(section: &mut Section<'_>, format: BodyFormat) -> Option<Template> {
    const EXPECTED: &str =
        "a table, like { to = \"{number}\", from = \"{sender}\", text = \"{text}\" }";
    if !section.has("fields") {
        section.missing("fields", "what the gateway calls number, sender and text");
    }
    let given = section.any("fields", EXPECTED)?;
    let template = match Template::parse(&given.value, format) {
        Ok(template) => template,
        Err(error) => {
            let problem = Problem::Unreadable(error.to_string());
            section.report().problem(&given.place, problem, "");
            return None;
        }
    };
    let numbers = [
        Gap::Number,
        Gap::NumberDigits,
        Gap::NumberZeros,
        Gap::NumberNational,
    ];
    if !template.has(Gap::Text) || !numbers.iter().any(|gap| template.has(*gap)) {
        let problem = Problem::Unreadable("no field has {text}, or none has the number".to_owned());
        section
            .report()
            .problem(&given.place, problem, "messages would go nowhere");
    }
    Some(template)
}

fn authorities(section: &mut Section<'_>, external: &External) -> Vec<CertificateDer<'static>> {
    let Some(given) = external.file(section, "ca-file") else {
        return Vec::new();
    };
    let (path, content) = given.value;
    let octets = pem::authorities(section, &given.place, &path, content).unwrap_or_default();
    CertificateDer::pem_slice_iter(&octets)
        .filter_map(Result::ok)
        .collect()
}

fn answer(section: &mut Section<'_>) -> AnswerRules {
    let mut table = section.table("success");
    let condition = condition(&mut table);
    let success = Success {
        condition,
        reference: pointer(&mut table, "reference"),
    };
    table.finish();
    let words = DeliveryFault::ALL.map(|fault| (fault.as_str(), fault));
    let faults = section.tables("fault").into_iter().map(|mut table| {
        let rule = FaultRule {
            condition: condition_of_fault(&mut table),
            fault: table.word("means", &words, DeliveryFault::BadRequest),
        };
        table.finish();
        rule
    });
    AnswerRules {
        faults: faults.collect(),
        success,
    }
}

/// A fault without a condition would be every answer.
fn condition_of_fault(table: &mut Section<'_>) -> Condition {
    if !["status", "pointer", "contains"]
        .iter()
        .any(|key| table.has(key))
    {
        table.missing(
            "status",
            "give status, pointer or contains: else every answer is this fault",
        );
    }
    if !table.has("means") {
        table.missing("means", "like \"number-invalid\"");
    }
    condition(table)
}

fn condition(table: &mut Section<'_>) -> Condition {
    const CODES: &str = "a list of status codes in quotes, like [\"200\", \"202\"]";
    let code = |text: &str| text.parse().ok().filter(|code| (100..600).contains(code));
    let status = table.list("status", CODES, code).unwrap_or_default();
    let some = |text: &str| Some(text.to_owned());
    let equals = table
        .list("equals", "a list of texts", some)
        .unwrap_or_default();
    Condition {
        status: status.into_iter().map(|code| code.value).collect(),
        pointer: pointer(table, "pointer"),
        equals: equals.into_iter().map(|text| text.value).collect(),
        contains: text(table, "contains"),
    }
}

fn pointer(table: &mut Section<'_>, key: &'static str) -> Option<String> {
    const EXPECTED: &str = "a JSON pointer, like \"/result/status\"";
    let is_pointer = |text: &str| text.starts_with('/').then(|| text.to_owned());
    table
        .parsed(key, EXPECTED, is_pointer)
        .map(|given| given.value)
}

fn report(section: &mut Section<'_>) -> Option<ReportRules> {
    if !section.has("report") {
        drop(section.table("report"));
        return None;
    }
    let mut table = section.table("report");
    for key in ["reference", "state"] {
        if !table.has(key) {
            table.missing(
                key,
                "a JSON pointer like \"/ref\", or the name of a form field",
            );
        }
    }
    let reference = text(&mut table, "reference");
    let state = text(&mut table, "state");
    let mut words = BTreeMap::new();
    for (key, state) in [
        ("delivered", MessageState::Delivered),
        ("failed", MessageState::Failed),
        ("expired", MessageState::Expired),
    ] {
        let given = table.list(key, "a list of the gateway's words", |text| {
            Some(text.to_owned())
        });
        words.extend(
            given
                .unwrap_or_default()
                .into_iter()
                .map(|word| (word.value, state)),
        );
    }
    table.finish();
    Some(ReportRules {
        reference: reference?,
        state: state?,
        words,
    })
}
