//! How a server is put together, runs and stops.
//!
//! ```text
//! store (Sqlite) ── service (core) ── api ─┐
//! fan-out (Local) ───┘    └────── dialects ─┼─ router ─ base path, client, request id ─ public listener
//! keys (files, JWKS) ─────────────── api ──┤
//! pages (embedded) ────────────────────────┘            admin router ─ admin listener
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use parking_lot::Mutex;
use sidetalk_api::demo::Demo;
use sidetalk_api::token::KeySet;
use sidetalk_api::{ApiLimits, ApiParts, ApiState};
use sidetalk_core::limits::Limits;
use sidetalk_core::model::ProjectId;
use sidetalk_core::ports::{Clock as _, Entropy as _, Project, Store};
use sidetalk_core::service::{Service, ServiceParts};
use sidetalk_edge::base_path::{BasePath, WithClient};
use sidetalk_edge::head;
use sidetalk_edge::listener::{Caps, Deadlines, Listener, ListenerConfig, Serving};
use sidetalk_edge::liveness::{Liveness, LivenessSettings};
use sidetalk_edge::origin::OriginPolicy;
use sidetalk_edge::proxy::{ForwardedHeader, TrustedProxies};
use sidetalk_edge::reader::FrameLimits;
use sidetalk_edge::request_id::{self, RequestIds};
use sidetalk_edge::socket::SocketSettings;
use sidetalk_edge::tls::TlsFiles;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tower::util::MapRequest;
use tower::{Layer as _, ServiceExt as _};

use crate::admin::Admin;
use crate::assets::{self, Pages};
use crate::clock::{OsEntropy, SystemClock};
use crate::config::Config;
use crate::config::sections::{Http, Socket};
use crate::config::setting::Forwarding;
use crate::control::Control;
use crate::dialects::{DROP_INS, Dialects};
use crate::lifecycle::{Ask, Phase, Readiness, Signals, Stop, Tasks};
use crate::measured::{MeasuredFanout, MeasuredStore};
use crate::{dialects, jwks, projects, telemetry};

mod found;
mod store;

pub use found::{Found, SCHEMA};
pub use store::{
    Held, Temporary, copy_store, database, folder_risk, make_folder, open_store, require_schema,
    require_store,
};

/// What `sidetalk dev` does beyond the configuration.
#[derive(Clone, Debug)]
pub struct Dev {
    /// The project to serve; the one of the last time, or a fresh one, if none is chosen.
    pub project: Option<(ProjectId, String)>,
}

/// A server that takes connections.
pub struct Server {
    config: Config,
    public: Serving,
    admin: Serving,
    /// `sidetalk dev`'s project.
    project: Option<Project>,
    held: Held,
    service: Arc<Service>,
    api: ApiState,
    livenesses: Vec<Arc<Liveness>>,
    readiness: Readiness,
    tasks: Tasks,
    reload: watch::Sender<()>,
}

impl Server {
    /// Opens the store, binds the listeners and starts to serve.
    ///
    /// # Errors
    /// What stands in the way, with what to do about it.
    pub async fn start(config: Config, dev: Option<Dev>) -> Result<Self> {
        let metrics = telemetry::start_metrics()?;
        let readiness = Readiness::default();
        let mut tasks = Tasks::new(readiness.clone());

        // The ports first: whoever starts a second server should hear of the port, not of the store's lock.
        let public = bind(config.http.listen, "--listen", listener_config(&config.http)?).await?;
        let admin = bind(config.admin.listen, "--admin-listen", ListenerConfig::default()).await?;

        let held = open_store(&config).await?;
        let dialects = Dialects::new(&config)?;
        let service = Service::new(dialects.join(service_parts(&config, held.store())));
        tasks.adopt("room flusher", service.spawn());
        projects::bring_about(&service, &config.projects).await?;
        if let Some(risk) = folder_risk(&config.store.path) {
            tracing::warn!(risk, "others can reach the store");
        }
        if config.opentalk.enabled && !projects::is_there(&service, config.opentalk.project).await? {
            tracing::warn!(
                project = config.opentalk.project,
                "opentalk.project does not exist, so it has no rooms"
            );
        }
        let project = match &dev {
            Some(dev) => Some(projects::for_dev(&service, dev.project.as_ref()).await?),
            None => None,
        };

        let reload = watch::Sender::new(());
        let keys = Arc::new(KeySet::default());
        for watched in jwks::load(&config.project_keys, &keys)? {
            let keys = Arc::clone(&keys);
            tasks.spawn("key set", |stop| watched.keep(keys, reload.subscribe(), stop));
        }
        let liveness = Liveness::new(liveness_settings(&config.socket));
        tasks.spawn_endless("liveness", Arc::clone(&liveness).run());
        let api = api_state(&config, &service, &liveness, Arc::clone(&keys))?;
        tasks.adopt_endless("api sweeper", api.spawn());
        let speaking = dialects.start(&config, &service, &liveness, &keys).await?;
        tasks.adopt_endless("dialect", speaking.tasks);
        let livenesses = [vec![liveness], speaking.livenesses].concat();
        tasks.spawn("retention", |stop| retain(Arc::clone(&service), config.store.purge_interval, stop));
        tasks.spawn("metrics upkeep", |stop| upkeep(metrics.clone(), stop));
        match Control::bind(&config.store.path) {
            Ok(control) => {
                let configured = config.projects.clone();
                tasks.spawn("control", |stop| control.serve(Arc::clone(&service), configured, stop));
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "operator commands cannot reach this server");
            }
        }

        let router = public_router(&config, &api, speaking.router, project.as_ref());
        let router = MapRequest::new(router, sidetalk_opentok::fold_slashes);
        let proxies = trusted_proxies(&config.http)?;
        let router = WithClient::new(router, proxies, BasePath::new(&config.http.base_path));
        // What every answer has, those outside the base path too.
        let router = from_fn(head::layer).layer(router);
        let router = from_fn(assets::safe_headers).layer(router);
        let router = from_fn(measured).layer(router);
        let ids = RequestIds::new(OsEntropy.bits() as u64);
        let mut public = public.serve(from_fn_with_state(ids, request_id::layer).layer(router))?;
        tasks.adopt_endless("listener", public.take_tasks());
        let last = Mutex::new(None);
        let admin_face =
            Admin { readiness: readiness.clone(), store: Arc::clone(service.store()), metrics, last };
        let mut admin = admin.serve(admin_face.router())?;
        tasks.adopt_endless("admin listener", admin.take_tasks());
        readiness.turn(Phase::Serving);
        let (listen, admin_listen) = (public.local_addr(), admin.local_addr());
        tracing::info!(%listen, %admin_listen, version = env!("CARGO_PKG_VERSION"), "sidetalk is serving");
        Ok(Self { config, public, admin, project, held, service, api, livenesses, readiness, tasks, reload })
    }

    /// Where people reach it.
    pub fn url(&self) -> String {
        if let Some(url) = &self.config.http.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let scheme = if self.config.http.tls_certificate_file.is_some() { "https" } else { "http" };
        let base = BasePath::new(&self.config.http.base_path);
        format!("{scheme}://{}{}", reachable(self.public.local_addr()), base.as_str())
    }

    /// Where the operator reaches it.
    pub fn admin_url(&self) -> String {
        format!("http://{}", reachable(self.admin.local_addr()))
    }

    /// The project of `sidetalk dev`.
    pub fn project(&self) -> Option<&Project> {
        self.project.as_ref()
    }

    /// Serves until a signal asks to stop, then drains.
    ///
    /// # Errors
    /// If the stop did not end in time, or a second signal cut it short.
    pub async fn run(self, mut signals: Signals) -> Result<()> {
        while signals.next().await != Ask::Stop {
            tracing::info!("key sets are read again; certificates are when their files change");
            self.reload.send_replace(());
        }
        tokio::select! {
            outcome = self.drain() => outcome,
            () = signals.stop() => bail!("stopped at once by a second signal"),
        }
    }

    async fn drain(self) -> Result<()> {
        let Self { config, public, admin, held, service, api, livenesses, readiness, tasks, .. } = self;
        let shutdown = &config.shutdown;
        let began = Instant::now();
        let deadline = began + shutdown.timeout;
        readiness.turn(Phase::Draining);
        tracing::info!(timeout_ms = millis(shutdown.timeout), "draining");
        sleep_until(began + shutdown.accept_delay).await;

        public.stop_accepting();
        api.announce_drain(shutdown.return_spread);
        service.drain(shutdown.return_spread);
        // Those that have not logged in, or not joined, belong to no room and no user.
        livenesses.iter().for_each(|liveness| liveness.drain(|_| shutdown.return_spread));
        // A tenth of the time is for what comes after the connections.
        let grace = (deadline - Instant::now()).mul_f64(0.9);
        let all_gone = public.shutdown(grace).await;
        if !all_gone {
            tracing::warn!("some connections did not end in time");
        }

        service.stop();
        let all_done = tasks.finish(deadline).await;
        admin.shutdown(Duration::from_millis(200)).await;
        held.close().await;
        tracing::info!(duration_ms = millis(began.elapsed()), "stopped");
        if all_done { Ok(()) } else { bail!("some tasks did not stop within {:?}", shutdown.timeout) }
    }
}

/// A document of the API as a server would send it, from `/openapi.json` or `/asyncapi.json`.
///
/// # Errors
/// If the system's folder of temporary files cannot be used.
pub async fn document(path: &str) -> Result<String> {
    let folder = Temporary::make()?;
    let mut config = Config::default();
    config.store.path = folder.path().to_owned();
    let held = open_store(&config).await?;
    let service = offline_service(&config, &held);
    let liveness = Liveness::new(liveness_settings(&config.socket));
    let api = api_state(&config, &service, &liveness, Arc::default())?;
    let request = Request::builder().uri(path).body(Body::empty())?;
    let response = sidetalk_api::router(api).oneshot(request).await?;
    let document = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    held.close().await;
    String::from_utf8(document.into()).context("the document is not text")
}

/// A service without faces and listeners, for commands that work on the store of a server that does not run.
pub fn offline_service(config: &Config, held: &Held) -> Arc<Service> {
    Service::new(ServiceParts { faces: Vec::new(), flushers: 1, ..service_parts(config, held.store()) })
}

fn service_parts(config: &Config, store: Arc<dyn Store>) -> ServiceParts {
    let clock = Arc::new(SystemClock);
    ServiceParts {
        store: MeasuredStore::new(store),
        fanout: MeasuredFanout::new(sidetalk_fanout::Local::new(), clock.clone()),
        clock,
        entropy: Arc::new(OsEntropy),
        limits: Arc::new(Limits::from(&config.limits)),
        faces: vec![sidetalk_api::face()],
        witnesses: Vec::new(),
        flushers: threads(config.runtime.worker_threads),
    }
}

/// The number of threads that serve connections.
pub fn threads(configured: usize) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if configured == 0 { cores() } else { configured }
}

async fn bind(listen: SocketAddr, flag: &str, config: ListenerConfig) -> Result<Listener> {
    Listener::bind(listen, config).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "{listen} is taken by another program; choose another port with {flag} {}:0 (any free port)",
            listen.ip()
        ),
        io::ErrorKind::PermissionDenied => anyhow::anyhow!(
            "{listen} may not be used: ports below 1024 take privileges; choose another with {flag}, or grant \
             CAP_NET_BIND_SERVICE"
        ),
        _ => anyhow::Error::from(error).context(format!("cannot listen on {listen} ({flag})")),
    })
}

fn listener_config(http: &Http) -> Result<ListenerConfig> {
    let tls = http.tls_certificate_file.as_ref().zip(http.tls_key_file.as_ref());
    Ok(ListenerConfig {
        deadlines: Deadlines {
            first_byte: http.first_byte_timeout,
            header: http.header_timeout,
            body: http.body_timeout,
            idle: http.keep_alive_idle,
            write: http.write_timeout,
            ..Deadlines::default()
        },
        caps: Caps { node: http.connections_max, address: http.connections_per_address_max },
        head_bytes_max: http.head_max.size(),
        trusted_proxies: trusted_proxies(http)?,
        tls: tls.map(|(certificate, key)| TlsFiles::new(certificate, key)),
        takeover: None,
    })
}

fn trusted_proxies(http: &Http) -> Result<Arc<TrustedProxies>> {
    let header = match http.forwarding_header {
        Forwarding::XForwarded => ForwardedHeader::XForwardedFor,
        Forwarding::Forwarded => ForwardedHeader::Forwarded,
    };
    let blocks = http.trusted_proxies.iter().map(|block| block.0.as_str());
    Ok(Arc::new(TrustedProxies::parse(blocks, header).context("http.trusted_proxies")?))
}

const fn liveness_settings(socket: &Socket) -> LivenessSettings {
    LivenessSettings {
        ping_every: socket.ping_interval,
        pong_wait: socket.pong_timeout,
        login_wait: socket.login_timeout,
        ping_payload: b"",
    }
}

pub(crate) fn socket_settings(socket: &Socket) -> SocketSettings {
    SocketSettings {
        frames: FrameLimits {
            message_bytes_max: socket.message_max.size(),
            fragments_max: socket.fragments_max,
        },
        outbox_bytes_max: socket.outbox_max.size(),
        stall: socket.stall_timeout,
        linger: socket.linger,
        ..SocketSettings::default()
    }
}

fn api_state(
    config: &Config,
    service: &Arc<Service>,
    liveness: &Arc<Liveness>,
    keys: Arc<KeySet>,
) -> Result<ApiState> {
    Ok(ApiState::new(ApiParts {
        service: Arc::clone(service),
        face: 0,
        socket_settings: socket_settings(&config.socket),
        liveness: Arc::clone(liveness),
        keys,
        entropy: Arc::new(OsEntropy),
        limits: ApiLimits { dialects: dialects::limits(config), ..api_limits(config) },
        origins: origins(&config.http)?,
        ping_interval: config.socket.ping_interval,
        dialects: DROP_INS.to_vec(),
        version: env!("CARGO_PKG_VERSION"),
    }))
}

fn api_limits(config: &Config) -> ApiLimits {
    let Config { rates, socket, limits, http, .. } = config;
    ApiLimits {
        requests_per_connection: rates.requests_per_connection.rule("requests_per_connection"),
        requests_per_address: rates.requests_per_address.rule("requests_per_address"),
        sends_per_user: rates.sends_per_user.rule("sends_per_user"),
        sends_per_room: rates.sends_per_room.rule("sends_per_room"),
        signals_per_user: rates.signals_per_user.rule("signals_per_user"),
        signals_per_room: rates.signals_per_room.rule("signals_per_room"),
        joins_per_user: rates.joins_per_user.rule("joins_per_user"),
        auth_failures_per_address: rates.auth_failures_per_address.rule("auth_failures_per_address"),
        keys_max: rates.remembered_max,
        tickets_max: limits.tickets_max,
        rooms_per_connection_max: socket.rooms_max,
        malformed_max: socket.malformed_max,
        limited_max: socket.limited_max,
        body_bytes_max: http.body_max.size(),
        token_ttl_max: limits.token_ttl_max,
        dialects: Vec::new(),
    }
}

pub(crate) fn origins(http: &Http) -> Result<OriginPolicy> {
    if http.allowed_origins.is_empty() {
        return Ok(OriginPolicy::Any);
    }
    let listed = http.allowed_origins.iter().map(String::as_str);
    // What sends no origin is not a browser, so it carries nobody's rights but its own.
    OriginPolicy::listed(listed, true).context("http.allowed_origins")
}

fn public_router(config: &Config, api: &ApiState, dialects: Router, project: Option<&Project>) -> Router {
    let body_max = config.http.body_max.size();
    let long_bodies = from_fn_with_state(body_max, head::refuse_long_bodies);
    let mut router = sidetalk_api::router(api.clone()).layer(long_bodies).merge(dialects);
    // Only `sidetalk dev` has one.
    if let Some(project) = project {
        let demo = Demo { project: project.id };
        router = router.merge(sidetalk_api::demo::router(api.clone(), demo));
    }
    Pages::new(&config.http.frame_ancestors, project.is_some())
        .behind(router)
        .layer(DefaultBodyLimit::max(body_max))
}

/// Counts and times a request. The log says neither its path nor its query: both may hold names.
async fn measured(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = match *request.method() {
        http::Method::GET => "GET",
        http::Method::POST => "POST",
        http::Method::PUT => "PUT",
        http::Method::PATCH => "PATCH",
        http::Method::DELETE => "DELETE",
        _ => "other",
    };
    let id = request.extensions().get::<request_id::RequestId>().cloned();
    let response = next.run(request).await;
    let code = response.status().as_u16();
    let status = match code {
        101 => "101",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    metrics::counter!("sidetalk_http_requests_total", "method" => method, "status" => status).increment(1);
    metrics::histogram!("sidetalk_http_request_seconds").record(began.elapsed().as_secs_f64());
    let request_id = id.as_ref().map(request_id::RequestId::as_str);
    tracing::debug!(
        request.id = request_id,
        method,
        status = code,
        duration_ms = millis(began.elapsed()),
        "answered"
    );
    response
}

/// Removes what is over its retention, now and then.
async fn retain(service: Arc<Service>, every: Duration, mut stop: Stop) {
    while stop.sleep(every).await {
        match service.store().purge(SystemClock.now()).await {
            Ok(0) => {}
            Ok(messages) => {
                metrics::counter!("sidetalk_retention_purged_messages_total").increment(messages);
                tracing::info!(messages, "messages over their retention were removed");
            }
            Err(failure) => {
                metrics::counter!("sidetalk_retention_failures_total").increment(1);
                let error = format!("{:#}", anyhow::Error::from(failure));
                tracing::warn!(error, "messages over their retention could not be removed");
            }
        }
    }
}

/// Folds samples into histograms, so that they do not pile up when nobody asks for the numbers.
async fn upkeep(metrics: metrics_exporter_prometheus::PrometheusHandle, mut stop: Stop) {
    while stop.sleep(telemetry::UPKEEP_EVERY).await {
        metrics.run_upkeep();
    }
}

/// The address that a browser on this machine can open.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let mut reachable = listen;
    if listen.ip().is_unspecified() {
        reachable.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    reachable
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
