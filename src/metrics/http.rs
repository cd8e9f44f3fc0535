//! `/metrics` for Prometheus and `/health` for whoever watches the server, over plain HTTP on a
//! local port.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{Metrics, Readings};
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

/// Serves both pages until `stop` is done. A single-threaded runtime is enough.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    source: Arc<dyn Source>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let pages = Pages { metrics, source };
    let router = Router::new()
        .route("/metrics", get(show_metrics))
        .route("/health", get(show_health))
        .with_state(pages);
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
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

/// Both pages on a thread of their own. Dropping it ends them.
pub struct MetricsServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
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
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || {
                let served = runtime.block_on(async {
                    let listener = TcpListener::from_std(listener)?;
                    let stopped = async { drop(stopped.await) };
                    serve(listener, metrics, source, stopped).await
                });
                if let Err(error) = served {
                    tracing::error!(%error, "metrics are no longer served");
                }
            })?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
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
        drop(self.stop.take());
        // A scraper that keeps its connection open must not hold up the end of the server: the
        // thread is left to end with the process.
        drop(self.thread.take());
    }
}
