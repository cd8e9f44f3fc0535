//! Web server: plain HTTP on a local port, `/metrics` for Prometheus and `/health` for monitoring.

mod health;
mod readings;
#[cfg(test)]
mod tests;

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

use crate::accept::{Acceptor, Place, Room};
use crate::access::Access;
use crate::metrics::{Metrics, Readings};
use crate::shown;
use health::Health;

/// Content of the pages; called once per request, on the serving thread.
pub trait Source: Send + Sync + 'static {
    /// Readings for the metrics page.
    fn readings(&self) -> Readings;
    /// State of the parts of the server.
    fn health(&self) -> Health;
}

impl Source for Access {
    fn readings(&self) -> Readings {
        readings::readings(self)
    }

    fn health(&self) -> Health {
        health::health(&self.state)
    }
}

#[derive(Clone)]
struct Pages {
    metrics: Arc<Metrics>,
    source: Arc<dyn Source>,
}

/// Maximum size of a request's head, in octets; that of a scrape is a few hundred.
const MAX_HEAD: usize = 16 * 1024;

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Maximum number of connections at once.
    pub at_once: usize,
    /// Time from the connection to the end of the request's head.
    pub head: Duration,
    /// Time from the connection to its end.
    pub whole: Duration,
}

impl Limits {
    /// Enough for a few scrapers and browsers, which send and read at once.
    const DEFAULT: Self = Self {
        at_once: 16,
        head: Duration::from_secs(5),
        whole: Duration::from_secs(15),
    };
}

/// Answers one request and closes the connection: after the answer, at a deadline, or before the
/// request when a new connection needs the place.
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
        .max_buf_size(MAX_HEAD)
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

/// 200 if all parts work, 503 if not; the body names the parts.
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

/// The running web server: a thread that accepts and one that answers. Dropping it ends both.
pub struct WebServer {
    address: SocketAddr,
    acceptor: Option<Acceptor>,
    runtime: Option<Runtime>,
}

impl WebServer {
    /// Binds `address` (port 0 picks a free one) and serves.
    ///
    /// # Errors
    /// The address is taken, or there is no thread to be had.
    pub fn start(
        address: SocketAddr,
        metrics: Arc<Metrics>,
        source: Arc<dyn Source>,
    ) -> io::Result<Self> {
        Self::start_with(address, metrics, source, Limits::DEFAULT)
    }

    fn start_with(
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
            .thread_name("web-pages")
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
        let acceptor = Acceptor::start("web", listener, room, serve)?;
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

impl Drop for WebServer {
    fn drop(&mut self) {
        drop(self.acceptor.take());
        // A client that sends or reads slowly must not delay the end of the server.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
