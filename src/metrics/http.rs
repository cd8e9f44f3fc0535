//! `/metrics` for Prometheus and `/health` for whoever watches the server, over plain HTTP on a
//! local port.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::{Metrics, Readings};
use crate::accept::{Acceptor, Place, Room};
use crate::shown;

/// Whether the server can do its work, and what stands in its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// One per part that can fail; healthy when all are.
    pub checks: Vec<Check>,
}

/// The state of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Like `store`, `audit`, `certificate`.
    pub name: &'static str,
    /// Which of several directories it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// Whether it works.
    pub ok: bool,
    /// What is wrong, in a sentence; empty when nothing is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Health {
    /// Whether all parts work.
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

/// Where the pages get what they show; called once per request, on the serving thread.
pub trait Source: Send + Sync + 'static {
    /// What metrics read off.
    fn readings(&self) -> Readings;
    /// Whether the server can do its work.
    fn health(&self) -> Health;
}

#[derive(Clone)]
struct Pages {
    metrics: Arc<Metrics>,
    source: Arc<dyn Source>,
}

/// The most of a request's head; a scrape's is a few hundred octets.
const LONGEST_HEAD: usize = 16 * 1024;

/// How many connections there may be, and how long each may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at once.
    pub at_once: usize,
    /// From the connection to the end of the request's head.
    pub head: Duration,
    /// From the connection to its end.
    pub whole: Duration,
}

impl Limits {
    /// A scraper or two and whoever looks; each asks at once and reads at once.
    const USUAL: Self = Self {
        at_once: 16,
        head: Duration::from_secs(5),
        whole: Duration::from_secs(15),
    };
}

/// Answers one request and ends the connection: with an answer, at a deadline, or for a newcomer
/// that needs the place of one that has not asked yet.
async fn answer(stream: TcpStream, router: Router, place: Place, limits: Limits) {
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
        return;
    };
    let pages = TowerToHyperService::new(router);
    let service = service_fn(|request| {
        place.keep();
        pages.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .keep_alive(false)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // An error is a peer that went away, was too slow, or speaks something else.
        _ = connection => {}
        () = tokio::time::sleep(limits.whole) => {}
        () = place.told_to_leave() => {}
    }
}

async fn show_metrics(State(pages): State<Pages>) -> impl IntoResponse {
    pages.metrics.read_off(&pages.source.readings());
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    (headers(content_type), pages.metrics.render())
}

/// 200 when all is well, 503 when not; the body says what.
async fn show_health(State(pages): State<Pages>) -> impl IntoResponse {
    #[derive(Serialize)]
    struct Body {
        status: &'static str,
        #[serde(flatten)]
        health: Health,
    }
    let health = pages.source.health();
    let (code, status) = match health.is_ok() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "failing"),
    };
    let mut body = Vec::new();
    shown::write_json(&mut body, &Body { status, health });
    (code, headers("application/json"), body)
}

fn headers(content_type: &'static str) -> [(HeaderName, &'static str); 2] {
    [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")]
}

/// Both pages: a thread that accepts and one that answers. Dropping it ends them.
pub struct MetricsServer {
    address: SocketAddr,
    acceptor: Option<Acceptor>,
    runtime: Option<Runtime>,
}

impl MetricsServer {
    /// Binds `address` (port 0 picks a free one) and serves.
    ///
    /// # Errors
    /// The address is taken, or there is no thread to be had.
    pub fn start(
        address: SocketAddr,
        metrics: Arc<Metrics>,
        source: Arc<dyn Source>,
    ) -> io::Result<Self> {
        Self::start_with(address, metrics, source, Limits::USUAL)
    }

    pub(super) fn start_with(
        address: SocketAddr,
        metrics: Arc<Metrics>,
        source: Arc<dyn Source>,
        limits: Limits,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/metrics", get(show_metrics))
            .route("/health", get(show_health))
            .with_state(Pages { metrics, source });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("metrics-pages")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let serve = move |stream: TcpStream, place| {
            if stream.set_nonblocking(true).is_ok() {
                let router = router.clone();
                handle.spawn(async move { answer(stream, router, place, limits).await });
            }
        };
        let room = Room::giving_way(limits.at_once);
        let acceptor = Acceptor::start("metrics", listener, room, serve)?;
        Ok(Self {
            address,
            acceptor: Some(acceptor),
            runtime: Some(runtime),
        })
    }

    /// The bound address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        drop(self.acceptor.take());
        // Whoever has not asked or does not read must not hold up the end of the server.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
