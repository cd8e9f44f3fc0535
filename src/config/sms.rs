//! `[sms]`: text messages, their texts and budgets; `[resets]`: ways to a new password.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portvakt_auth::Realm;
use portvakt_resets::{
    Budget, Budgets, Language, Limit, MessageRules, MessageText, OpeningKind, Parts, Pepper, parts,
};

use super::external::{External, warn_of_readers};
use super::problem::Problem;
use super::report::Located;
use super::section::Section;
use super::sms_gateway;
use crate::sms::{HttpSettings, Outbox};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Text messages.
#[derive(Debug, Clone)]
pub struct Sms {
    /// Whether messages are sent at all.
    pub enabled: bool,
    /// Where they are handed over.
    pub gateway: GatewaySettings,
    /// The language of messages.
    pub language: Language,
    /// Texts, of each language and kind.
    pub texts: Texts,
    /// The host that the texts name.
    pub host: String,
    /// Who gets messages.
    pub rules: MessageRules,
    /// How many.
    pub budgets: Budgets,
    /// A request that waited longer is dropped.
    pub max_age: Duration,
    /// Per cent of the total budget from which on an alarm is raised.
    pub alarm_percent: u8,
}

/// Texts of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts(BTreeMap<(&'static str, Language), MessageText>);

/// Where messages are handed over.
#[derive(Debug, Clone)]
pub enum GatewaySettings {
    /// To files in this folder.
    Outbox(PathBuf),
    /// To a gateway.
    Http(Box<HttpSettings>),
}

impl GatewaySettings {
    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Outbox(_) => Outbox::NAME,
            Self::Http(settings) => &settings.name,
        }
    }
}

impl Sms {
    /// Each text filled with the longest values, and its size.
    pub fn sizes(&self) -> impl Iterator<Item = (OpeningKind, Language, Parts)> + '_ {
        let kinds = [OpeningKind::Message, OpeningKind::Proof].into_iter();
        kinds.flat_map(move |kind| {
            Language::ALL.into_iter().filter_map(move |language| {
                let text = self.texts.of(kind, language)?;
                Some((kind, language, size(text, &self.host)))
            })
        })
    }
}

/// Size of a text with a code, the longest date and this host.
fn size(text: &MessageText, host: &str) -> Parts {
    parts(&text.fill("0000-0000-00000", "30.11. 23:59", host))
}

impl Default for Texts {
    fn default() -> Self {
        let kinds = [
            (
                OpeningKind::Message,
                MessageText::temporary_password as fn(Language) -> MessageText,
            ),
            (OpeningKind::Proof, MessageText::proof),
        ];
        let all = kinds.into_iter().flat_map(|(kind, text)| {
            Language::ALL.map(|language| ((kind.as_str(), language), text(language)))
        });
        Self(all.collect())
    }
}

impl Texts {
    /// The text of messages of this kind; those of IT support are not sent.
    #[must_use]
    pub fn of(&self, kind: OpeningKind, language: Language) -> Option<&MessageText> {
        self.0.get(&(kind.as_str(), language))
    }
}

/// Reads `[sms]`.
pub(super) fn sms(
    root: &mut Section<'_>,
    external: &External,
    data: &Path,
    realms: &[Realm],
) -> Sms {
    let languages = Language::ALL.map(|language| (language.as_str(), language));
    let mut section = root.table("sms");
    let host = host(&mut section, realms);
    let sender = sender(&mut section);
    let sms = Sms {
        enabled: section.boolean("enabled", true).value,
        language: section.word("language", &languages, Language::Nb),
        texts: texts(&mut section, &host),
        rules: message_rules(&mut section),
        budgets: budgets(&mut section),
        max_age: section.duration("max-age", 10 * MINUTE, MINUTE..=HOUR),
        alarm_percent: section.integer("alarm-at-percent", 50, 1..=100),
        gateway: gateway(&mut section, external, data, &sender),
        host,
    };
    section.finish();
    sms
}

fn host(section: &mut Section<'_>, realms: &[Realm]) -> String {
    const EXPECTED: &str = "the name of the account page's host, like \"account.campus.example\"";
    let is_host = |text: &str| {
        let is_sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        !text.is_empty() && text.len() <= 100 && text.chars().all(is_sign)
    };
    let given = section.parsed("host", EXPECTED, |text| {
        is_host(text).then(|| text.to_owned())
    });
    let primary = || realms.first().map(ToString::to_string).unwrap_or_default();
    given.map_or_else(primary, |given| given.value)
}

fn sender(section: &mut Section<'_>) -> String {
    const EXPECTED: &str = "at most eleven letters, digits and spaces, or a number";
    let is_sender = |text: &str| {
        let is_name = text.len() <= 11 && text.chars().any(|c| c.is_ascii_alphabetic());
        let is_number = text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit());
        let is_sign = |c: char| c.is_ascii_alphanumeric() || c == ' ';
        !text.is_empty() && text.chars().all(is_sign) && (is_name || is_number)
    };
    let given = section.parsed("sender", EXPECTED, |text| {
        is_sender(text).then(|| text.to_owned())
    });
    given.map_or_else(|| "Portvakt".to_owned(), |given| given.value)
}

fn message_rules(section: &mut Section<'_>) -> MessageRules {
    const CODES: &str = "a list of country codes, like [\"47\"]";
    let defaults = MessageRules::default();
    let code = |text: &str| {
        let is_code = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        (is_code && !text.starts_with('0')).then(|| text.to_owned())
    };
    let countries = section.list("countries", CODES, code);
    let kinds = section.words("kinds", &super::accounts::KINDS);
    let values = |located: Vec<Located<String>>| located.into_iter().map(|l| l.value).collect();
    MessageRules {
        countries: countries.map_or(defaults.countries, values),
        least_age: section.duration(
            "number-min-age",
            defaults.least_age,
            Duration::ZERO..=30 * DAY,
        ),
        kinds: kinds.map_or(defaults.kinds, |kinds| {
            kinds.into_iter().map(|k| k.value).collect()
        }),
    }
}

fn budgets(section: &mut Section<'_>) -> Budgets {
    let mut budgets = Budgets::default();
    for (key, budget) in [
        ("budget-per-account", &mut budgets.per_account),
        ("budget-per-number", &mut budgets.per_number),
        ("budget-per-source", &mut budgets.per_source),
        ("budget-in-all", &mut budgets.total),
    ] {
        const EXPECTED: &str = "a list of one to four limits, like [\"3/1h\", \"5/24h\"]";
        let place = section.key_place(key);
        let Some(limits) = section.list(key, EXPECTED, |text| text.parse::<Limit>().ok()) else {
            continue;
        };
        let count = limits.len();
        match Budget::new(limits.into_iter().map(|limit| limit.value).collect()) {
            Ok(given) => *budget = given,
            // An empty list was reported.
            Err(_) if count == 0 => {}
            Err(_) => section
                .report()
                .problem(&place, Problem::Malformed(EXPECTED), ""),
        }
    }
    budgets
}

/// The tables `temporary-password` and `proof`, with a text for each language.
fn texts(section: &mut Section<'_>, host: &str) -> Texts {
    let mut texts = Texts::default();
    for (key, kind) in [
        ("temporary-password", OpeningKind::Message),
        ("proof", OpeningKind::Proof),
    ] {
        let mut table = section.table(key);
        for language in Language::ALL {
            const EXPECTED: &str =
                "a text with {code}, and no braces but those of {code}, {until} and {host}";
            let place = table.key_place(language.as_str());
            let given = table.parsed(language.as_str(), EXPECTED, |text| {
                MessageText::parse(text).ok()
            });
            if let Some(given) = given {
                texts.0.insert((kind.as_str(), language), given.value);
            }
            let Some(text) = texts.of(kind, language) else {
                continue;
            };
            let size = size(text, host);
            if size.parts > 1 {
                let lint = "this message is sent, and paid for, in several parts";
                let advice =
                    format!("it takes {size}: shorten it, or leave out characters like “–”");
                table.report().warning(&place, lint, &advice);
            }
        }
        table.finish();
    }
    texts
}

/// The gateway that `send-by` names, of those in `[sms.gateway.NAME]`; all of them are checked.
fn gateway(
    section: &mut Section<'_>,
    external: &External,
    data: &Path,
    sender: &str,
) -> GatewaySettings {
    const EXPECTED: &str = "\"outbox\", or the name of a table [sms.gateway.NAME]";
    let folder = external
        .path(section, "outbox-folder")
        .map(|given| given.value);
    let outbox = GatewaySettings::Outbox(folder.unwrap_or_else(|| data.join("outbox")));
    let tables = section.table("gateway").named_tables().into_iter();
    let mut gateways: BTreeMap<_, _> = tables
        .map(|(name, table)| {
            let settings = sms_gateway::gateway(&name, table, external, sender);
            (name, settings)
        })
        .collect();
    let chosen = section.parsed("send-by", EXPECTED, |text| Some(text.to_owned()));
    let Some(chosen) = chosen.filter(|chosen| chosen.value != Outbox::NAME) else {
        return outbox;
    };
    match gateways.remove(&chosen.value) {
        Some(Some(settings)) => GatewaySettings::Http(Box::new(settings)),
        // Its mistakes were reported.
        Some(None) => outbox,
        None => {
            let names = gateways.keys().map(|name| format!("\"{name}\""));
            let all: Vec<_> = std::iter::once("\"outbox\"".to_owned())
                .chain(names)
                .collect();
            let problem = Problem::NotOneOf(all.join(", "));
            let advice = "give the gateway a table: [sms.gateway.NAME]";
            section.report().problem(&chosen.place, problem, advice);
            outbox
        }
    }
}

/// Ways to a new password besides messages.
#[derive(Debug, Clone)]
pub struct Resets {
    /// How long a window of IT support is open, unless it is said.
    pub window: Duration,
    /// Windows of one account in 31 days.
    pub windows_a_month: u8,
    /// The key of PINs; `None` where PINs open nothing.
    pub pepper: Option<Pepper>,
    /// How long a code that shows an account's state is good.
    pub proof_valid: Duration,
}

/// Shortest window of IT support.
pub const SHORTEST_WINDOW: Duration = Duration::from_secs(10 * 60);
/// Longest window of IT support.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(72 * 60 * 60);

/// Reads `[resets]`.
pub(super) fn resets(root: &mut Section<'_>, external: &External) -> Resets {
    let mut section = root.table("resets");
    let pin = section.boolean("pin", false);
    if pin.value && !section.has("pin-pepper-file") {
        let advice = "a file with 16 octets or more: openssl rand -base64 32 > secrets/pin-pepper";
        section.missing("pin-pepper-file", advice);
    }
    let pepper = pepper(&mut section, external);
    let resets = Resets {
        window: section.duration("support-window", DAY, SHORTEST_WINDOW..=LONGEST_WINDOW),
        windows_a_month: section.integer("windows-a-month", 3, 1..=30),
        pepper: pepper.filter(|_| pin.value),
        proof_valid: section.duration("proof-valid", 30 * MINUTE, 10 * MINUTE..=8 * HOUR),
    };
    section.finish();
    resets
}

fn pepper(section: &mut Section<'_>, external: &External) -> Option<Pepper> {
    let file = external.file(section, "pin-pepper-file")?;
    let content = file.value.1;
    warn_of_readers(section, &file.place, content);
    let pepper = Pepper::new(content.octets.as_bytes().trim_ascii());
    if pepper.is_none() {
        let problem = Problem::Malformed("a file with 16 octets or more");
        let advice = "for a new one: openssl rand -base64 32";
        section.report().problem(&file.place, problem, advice);
    }
    pepper
}
