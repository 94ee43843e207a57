//! The operator's listener: whether the process lives, whether it takes traffic, and its numbers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use sidetalk_core::ports::Store;
use tokio::time::{Instant, timeout};

use crate::lifecycle::{Phase, Readiness};
use crate::telemetry;

/// How long what the store said is good for. Probes must not become a load.
const STORE_FRESH: Duration = Duration::from_secs(1);

/// How long the store may take to answer.
const STORE_WAIT: Duration = Duration::from_secs(2);

/// What the operator's listener shows.
pub struct Admin {
    /// Whether the node takes traffic.
    pub readiness: Readiness,
    /// Asked whether it answers.
    pub store: Arc<dyn Store>,
    /// The numbers.
    pub metrics: PrometheusHandle,
    /// What the store said last, and when.
    pub last: Mutex<Option<(Instant, bool)>>,
}

impl Admin {
    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/livez", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/healthz", get(ready))
            .route("/metrics", get(numbers))
            .with_state(Arc::new(self))
    }

    async fn store_answers(&self) -> bool {
        let last = *self.last.lock();
        if let Some((at, answers)) = last
            && at.elapsed() < STORE_FRESH
        {
            return answers;
        }
        let answers = matches!(timeout(STORE_WAIT, self.store.check()).await, Ok(Ok(())));
        *self.last.lock() = Some((Instant::now(), answers));
        answers
    }
}

async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let not = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    match admin.readiness.phase() {
        Phase::Starting => not("not ready: starting\n"),
        Phase::Failed => not("not ready: a task has ended by a bug; restart the server\n"),
        Phase::Draining => not("not ready: draining\n"),
        Phase::Serving if admin.store_answers().await => "ok\n".into_response(),
        Phase::Serving => not("not ready: the store does not answer\n"),
    }
}

async fn numbers(State(admin): State<Arc<Admin>>) -> impl IntoResponse {
    telemetry::measure_process();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], admin.metrics.render())
}
