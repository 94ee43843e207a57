//! How connections come in: our own accept loop over hyper, because ready-made ones keep half-open requests for ever.
//!
//! ```text
//! accept ── gate full? ──> 429 or 503, briefly
//!    └──> task: [TLS handshake] ── first byte another protocol's? ──> Takeover
//!                     └──> hyper, watched by the deadlines ── upgrade ──> socket.rs
//! ```

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tower::{Service, ServiceExt as _};

use crate::bodies::{Answer, Deadlined, read_rest};
pub use crate::connection::{Deadlines, Peer};
use crate::connection::{HttpIo, Watch};
pub use crate::gate::Caps;
use crate::gate::{Full, Gate, Pass};
use crate::metrics;
use crate::proxy::TrustedProxies;
use crate::stream::Stream;
use crate::tls::{Tls, TlsFiles};

/// Refusals that are being written at the same time; beyond this, connections are dropped without a word. Each is an open
/// file above the cap of connections, which whoever sets that cap leaves room for.
const REFUSALS_MAX: usize = 32;

/// How long a refused client has to take its answer.
const REFUSAL_LINGER: Duration = Duration::from_secs(1);

/// Pauses of the accept loop when the system has no more files or memory to give.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How a listener treats its connections.
#[derive(Clone)]
pub struct ListenerConfig {
    /// How long a connection may stay in each phase.
    pub deadlines: Deadlines,
    /// How many connections there may be.
    pub caps: Caps,
    /// The longest head of a request, in bytes. Default 32 KiB; hyper allows no less than 8 KiB.
    pub head_bytes_max: usize,
    /// Proxies in front of us. Their connections do not count against the cap per address. Default none.
    pub trusted_proxies: Arc<TrustedProxies>,
    /// Certificate and key; without them the listener speaks plain HTTP. Default none.
    pub tls: Option<TlsFiles>,
    /// Another protocol on the same port. Default none.
    pub takeover: Option<Arc<dyn Takeover>>,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            caps: Caps::default(),
            head_bytes_max: 32 * 1024,
            trusted_proxies: Arc::new(TrustedProxies::default()),
            tls: None,
            takeover: None,
        }
    }
}

/// A protocol that shares the port and is told apart by the first byte of a plain connection.
pub trait Takeover: Send + Sync + 'static {
    /// Whether a connection that begins with this byte is its own. Must be false for ASCII letters, which begin HTTP.
    fn wants(&self, first_byte: u8) -> bool;
    /// Takes the connection, whose bytes are all still unread. Dropping `pass` gives its place back.
    fn take(&self, tcp: TcpStream, peer: SocketAddr, pass: Pass);
}

/// A bound address, not yet accepting.
pub struct Listener {
    tcp: TcpListener,
    config: ListenerConfig,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// Binds and loads the certificate.
    ///
    /// # Errors
    /// If the address is taken or the certificate and key cannot be used.
    pub async fn bind(addr: impl ToSocketAddrs, config: ListenerConfig) -> io::Result<Self> {
        let tls = config.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
        Ok(Self { tcp: TcpListener::bind(addr).await?, config, tls })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Starts to accept.
    ///
    /// # Errors
    /// If the system does not say where it listens.
    pub fn serve<S>(self, service: S) -> io::Result<Serving>
    where
        S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send,
    {
        let addr = self.local_addr()?;
        let gate = Gate::new(self.config.caps);
        let stop = watch::Sender::new(false);
        let mut tasks = Vec::new();
        if let Some(tls) = &self.tls {
            tasks.push(tokio::spawn(Arc::clone(tls).watch_files()));
        }
        let door = Arc::new(Door {
            config: self.config,
            tls: self.tls,
            gate: Arc::clone(&gate),
            stop: stop.subscribe(),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            service,
        });
        tasks.push(tokio::spawn(door.accept_all(self.tcp)));
        Ok(Serving { addr, gate, stop, tasks })
    }
}

/// A listener at work.
#[derive(Debug)]
pub struct Serving {
    addr: SocketAddr,
    gate: Arc<Gate>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Serving {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// The count of its connections, WebSockets included.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Its tasks, for one who watches over them: it accepts nothing more if one fails. They end when it stops, or can be
    /// aborted then.
    pub fn take_tasks(&mut self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut self.tasks)
    }

    /// Closes the listening socket and ends HTTP connections after the request in hand. WebSockets go on: close them
    /// with [`Liveness::drain`](crate::liveness::Liveness::drain).
    pub fn stop_accepting(&self) {
        self.stop.send_replace(true);
    }

    /// Stops accepting and waits until every connection is gone. `false` if some are left after `grace`.
    pub async fn shutdown(mut self, grace: Duration) -> bool {
        self.stop_accepting();
        let is_empty = timeout(grace, self.gate.empty()).await.is_ok();
        for task in self.tasks.drain(..) {
            task.abort();
        }
        is_empty
    }
}

impl Drop for Serving {
    /// Without a shutdown the listening socket closes and connections end on their own.
    fn drop(&mut self) {
        self.stop_accepting();
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// What the accept loop and its connections share.
struct Door<S> {
    config: ListenerConfig,
    tls: Option<Arc<Tls>>,
    gate: Arc<Gate>,
    stop: watch::Receiver<bool>,
    refusals: Arc<Semaphore>,
    service: S,
}

impl<S> Door<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    async fn accept_all(self: Arc<Self>, tcp: TcpListener) {
        let mut pause = PAUSE_MIN;
        let mut stop = self.stop.clone();
        loop {
            let accepted = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                accepted = tcp.accept() => accepted,
            };
            match accepted {
                Ok((tcp, peer)) => {
                    pause = PAUSE_MIN;
                    self.admit(tcp, peer);
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    // Out of files or memory: the connection stays in the backlog, and trying at once would spin.
                    tracing::warn!(error = %error, pause_ms = pause.as_millis() as u64, "cannot accept a connection");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, tcp: TcpStream, peer: SocketAddr) {
        let is_proxy = self.config.trusted_proxies.contains(peer.ip());
        match self.gate.enter((!is_proxy).then(|| peer.ip())) {
            Ok(pass) => {
                metrics::connect("accepted");
                tokio::spawn(Arc::clone(self).receive(tcp, peer, pass));
            }
            Err(full) => {
                metrics::connect(if full == Full::Node { "node_full" } else { "address_full" });
                if self.tls.is_none()
                    && let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned()
                {
                    tokio::spawn(async move {
                        // A client that does not take its refusal loses nothing by losing it.
                        let _ = timeout(REFUSAL_LINGER, refuse(tcp, full)).await;
                        drop(permit);
                    });
                }
            }
        }
    }

    /// One connection from its first byte to its end or upgrade.
    async fn receive(self: Arc<Self>, tcp: TcpStream, peer: SocketAddr, pass: Pass) {
        // Frames are written whole; waiting to fill a packet only adds delay. Failure means the client is gone.
        if tcp.set_nodelay(true).is_err() {
            return;
        }
        let came = Instant::now();
        let first_byte_end = came + self.config.deadlines.first_byte;
        if let Some(takeover) = &self.config.takeover
            && self.tls.is_none()
        {
            let mut first = [0];
            match timeout_at(first_byte_end, tcp.peek(&mut first)).await {
                Ok(Ok(1)) if takeover.wants(first[0]) => return takeover.take(tcp, peer, pass),
                Ok(Ok(1)) => {}
                Ok(_) => return,
                Err(_) => return metrics::deadline("silent"),
            }
        }
        let stream = match &self.tls {
            None => Stream::Plain(tcp),
            Some(tls) => match timeout_at(first_byte_end, tls.accept(tcp)).await {
                Ok(Ok(tls)) => Stream::Tls(Box::new(tls)),
                _ => return metrics::connect("tls_failed"),
            },
        };
        self.speak_http(stream, peer, pass, came).await;
    }

    async fn speak_http(&self, stream: Stream, peer: SocketAddr, pass: Pass, came: Instant) {
        let deadlines = self.config.deadlines;
        let peer = Peer { addr: peer, is_tls: matches!(stream, Stream::Tls(_)) };
        let watch = Watch::new(came);
        let io = TokioIo::new(HttpIo::new(stream, Arc::clone(&watch), pass));
        let service = service_fn(|request: Request<Incoming>| {
            let is_body_asked_for = request.headers().contains_key(header::EXPECT);
            let mut request = request.map(|body| Deadlined::wrap(body, deadlines.body, &watch));
            request.extensions_mut().insert(peer);
            let answer = self.service.clone().oneshot(request);
            let watch = Arc::clone(&watch);
            async move {
                let Ok(mut response) = answer.await;
                if !read_rest(&watch, is_body_asked_for).await {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response.map(|body| Answer::new(body, watch)))
            }
        });
        let connection = http1::Builder::new()
            .header_read_timeout(None)
            .max_buf_size(self.config.head_bytes_max)
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut stop = self.stop.clone();
        let mut stopped = pin!(stop.wait_for(|stop| *stop));
        let mut is_stopping = false;
        let mut timer = pin!(sleep_until(came + deadlines.first_byte));
        poll_fn(|cx| {
            // An error here is the client's: it broke off or sent what is not HTTP.
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if !is_stopping && stopped.as_mut().poll(cx).is_ready() {
                is_stopping = true;
                watch.stop(&deadlines);
                connection.as_mut().graceful_shutdown();
                if connection.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
            }
            // The phase changes only inside the poll above, so this sees every change.
            while let Some((end, phase)) = watch.deadline(&deadlines) {
                if end < timer.deadline() || timer.is_elapsed() {
                    timer.as_mut().reset(end);
                }
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                if Instant::now() >= end {
                    metrics::deadline(phase);
                    return Poll::Ready(());
                }
            }
            Poll::Pending
        })
        .await;
    }
}

/// Errors of the one connection that was about to be accepted, not of the listener.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Answers without reading the request, then waits for the client's end: closing with unread bytes would discard the
/// answer on its way.
async fn refuse(mut tcp: TcpStream, full: Full) -> io::Result<()> {
    let answer: &[u8] = match full {
        Full::Address => {
            b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        }
        Full::Node => {
            b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        }
    };
    tcp.write_all(answer).await?;
    tcp.shutdown().await?;
    let mut discarded = [0; 512];
    while tcp.read(&mut discarded).await? > 0 {}
    Ok(())
}
