//! A gateway over HTTP: one request for each message.
//!
//! Nothing that a gateway does holds anything up but its own message: there is one deadline from the
//! look-up of its name to the last octet of its answer, of which 64 KiB are read at most. Redirections
//! are not followed, and no cookie is kept.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use portvakt_resets::{DeliveryFault, Outcome};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, Url};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use super::answer::{Answer, AnswerRules};
use super::report::ReportRules;
use super::template::{BodyFormat, Field, Filled, Template};
use super::{Gateway, TextMessage};

/// Octets of an answer that are read.
const MOST_ANSWER: usize = 64 * 1024;
/// Longest wait for a connection.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);

/// The method of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// POST.
    Post,
    /// GET, for gateways that know no better: everything is in the query.
    Get,
}

/// The encoding of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// ISO 8859-1; a text that has other characters is refused.
    Latin1,
}

/// How the server proves itself to the gateway.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// Not, or by fields of the body.
    None,
    /// `Authorization: Basic`, with user and secret.
    Basic,
    /// `Authorization: Bearer`, with the secret.
    Bearer,
    /// The secret in a header of this name.
    Header(HeaderName),
}

/// The secret of a gateway. Wiped when dropped, never shown.
#[derive(Clone, Default)]
pub struct GatewaySecret(pub Zeroizing<Vec<u8>>);

impl fmt::Debug for GatewaySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatewaySecret([redacted])")
    }
}

/// A gateway as it is configured.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Its name.
    pub name: String,
    /// Its address.
    pub url: Url,
    /// The method.
    pub method: Method,
    /// How the fields are written.
    pub format: BodyFormat,
    /// The encoding of a form or query.
    pub charset: Charset,
    /// Authentication.
    pub authentication: Authentication,
    /// The user, where one is needed.
    pub user: String,
    /// The secret; empty where there is none.
    pub secret: GatewaySecret,
    /// The sender of messages.
    pub sender: String,
    /// Headers besides.
    pub headers: Vec<(HeaderName, Field)>,
    /// The fields.
    pub fields: Template,
    /// From the look-up of the name to the last octet of the answer.
    pub timeout: Duration,
    /// A proxy on the way.
    pub proxy: Option<Url>,
    /// The authorities of the gateway's certificate; none means those of the system.
    pub authorities: Vec<CertificateDer<'static>>,
    /// How answers are read.
    pub answer: AnswerRules,
    /// Whether the gateway drops a second message of one reference.
    pub drops_repeats: bool,
    /// How reports of delivery are read.
    pub report: Option<ReportRules>,
}

/// Why a gateway can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The client, for want of a usable certificate or proxy.
    #[error("the gateway {0} can't be used: {1}")]
    Client(String, reqwest::Error),
    /// The certificates of its authorities.
    #[error("the authorities of gateway {0} can't be used: {1}")]
    Tls(String, rustls::Error),
    /// No thread or descriptor for it.
    #[error("the gateway {0} can't be used: {1}")]
    Runtime(String, io::Error),
}

/// A gateway over HTTP.
pub struct HttpGateway {
    settings: HttpSettings,
    client: Client,
    /// Always there until it is dropped.
    runtime: Option<Runtime>,
}

impl HttpGateway {
    /// Prepares a client; asks nobody.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(settings: HttpSettings) -> Result<Self, OpenError> {
        let name = || settings.name.clone();
        let tls = tls(&settings.authorities).map_err(|error| OpenError::Tls(name(), error))?;
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(LONGEST_CONNECT.min(settings.timeout / 2))
            .pool_max_idle_per_host(1)
            .user_agent(concat!("Portvakt/", env!("CARGO_PKG_VERSION")));
        let unusable = |error| OpenError::Client(name(), error);
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.clone()).map_err(unusable)?);
        }
        let client = builder.build().map_err(unusable)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| OpenError::Runtime(name(), error))?;
        Ok(Self {
            settings,
            client,
            runtime: Some(runtime),
        })
    }

    fn request(&self, message: &TextMessage) -> Option<RequestBuilder> {
        let settings = &self.settings;
        let secret = String::from_utf8_lossy(&settings.secret.0);
        let with = Filled {
            message,
            sender: &settings.sender,
            user: &settings.user,
            secret: &secret,
        };
        let mut url = settings.url.clone();
        let mut body = None;
        match settings.format {
            BodyFormat::Json => {
                let json = settings.fields.json(&with);
                body = Some(("application/json", json));
            }
            BodyFormat::Form => {
                let form = encoded(&settings.fields.pairs(&with), settings.charset)?;
                let octets = Zeroizing::new(form.as_bytes().to_vec());
                body = Some(("application/x-www-form-urlencoded", octets));
            }
            BodyFormat::Query => {
                let query = encoded(&settings.fields.pairs(&with), settings.charset)?;
                let fixed = url
                    .query()
                    .map(|fixed| format!("{fixed}&"))
                    .unwrap_or_default();
                url.set_query(Some(&format!("{fixed}{}", *query)));
            }
        }
        let mut request = match settings.method {
            Method::Post => self.client.post(url),
            Method::Get => self.client.get(url),
        };
        if let Some((content_type, octets)) = body {
            request = request
                .header(CONTENT_TYPE, content_type)
                .body(octets.to_vec());
        }
        for (header, field) in &settings.headers {
            let value = HeaderValue::from_bytes(field.fill(&with).as_bytes()).ok()?;
            request = request.header(header, value);
        }
        Some(match &settings.authentication {
            Authentication::None => request,
            Authentication::Basic => request.basic_auth(&settings.user, Some(&secret)),
            Authentication::Bearer => request.bearer_auth(&secret),
            Authentication::Header(name) => {
                let mut value = HeaderValue::from_bytes(&settings.secret.0).ok()?;
                value.set_sensitive(true);
                request.header(name, value)
            }
        })
    }

    async fn exchange(&self, request: RequestBuilder) -> Outcome {
        let mut response = match request.send().await {
            Ok(response) => response,
            // The name, the connection or TLS: nothing has gone out.
            Err(error) if error.is_connect() || error.is_builder() => {
                self.warn(&error);
                return Outcome::Refused(DeliveryFault::Transient);
            }
            Err(error) => {
                self.warn(&error);
                return Outcome::Unknown;
            }
        };
        let status = response.status().as_u16();
        let mut body = Zeroizing::new(Vec::with_capacity(MOST_ANSWER));
        // A body that breaks off is read as far as it came.
        while let Ok(Some(chunk)) = response.chunk().await {
            let room = MOST_ANSWER.saturating_sub(body.len());
            body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
            if room == 0 {
                break;
            }
        }
        let body = &body;
        self.settings.answer.read(&Answer { status, body })
    }

    /// The address is left out: a query may have text and secret in it.
    fn warn(&self, error: &reqwest::Error) {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        let gateway = &self.settings.name;
        tracing::warn!(%gateway, cause, "the gateway gave no answer");
    }
}

impl Gateway for HttpGateway {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn send(&self, message: &TextMessage) -> Outcome {
        let Some(request) = self.request(message) else {
            return Outcome::Refused(DeliveryFault::BadRequest);
        };
        let timeout = self.settings.timeout;
        let run = |runtime: &Runtime| {
            let exchange = async { tokio::time::timeout(timeout, self.exchange(request)).await };
            runtime.block_on(exchange).ok()
        };
        let outcome = self.runtime.as_ref().and_then(run);
        outcome.unwrap_or(Outcome::Unknown)
    }

    fn drops_repeats(&self) -> bool {
        self.settings.drops_repeats
    }

    fn report_rules(&self) -> Option<&ReportRules> {
        self.settings.report.as_ref()
    }
}

impl Drop for HttpGateway {
    /// A reload drops it on any thread, also on one that may not wait for a look-up of a name.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// TLS to a gateway: by the given authorities, or by those of the system.
fn tls(authorities: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    match authorities {
        [] => {
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
        }
        given => {
            for authority in given {
                roots.add(authority.clone())?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// `name=value&…`; `None` where the charset lacks a character.
fn encoded(pairs: &[(String, Zeroizing<String>)], charset: Charset) -> Option<Zeroizing<String>> {
    let is_latin = |text: &str| text.chars().all(|c| u32::from(c) < 0x100);
    if charset == Charset::Latin1 && !pairs.iter().all(|(_, value)| is_latin(value)) {
        return None;
    }
    let mut serializer = form_urlencoded::Serializer::new(String::with_capacity(8 * 1024));
    if charset == Charset::Latin1 {
        serializer.encoding_override(Some(&latin_1));
    }
    for (name, value) in pairs {
        serializer.append_pair(name, value);
    }
    Some(Zeroizing::new(serializer.finish()))
}

fn latin_1(text: &str) -> Cow<'_, [u8]> {
    let octets = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'));
    octets.collect::<Vec<_>>().into()
}
