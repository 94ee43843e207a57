//! A server that sends every message back. For conformance tools and for trying things out:
//! `cargo run -p sidetalk-edge --example echo -- [address] [--ping-seconds N]`. Prints the address it listens on.

use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use sidetalk_core::ports::Outlet as _;
use sidetalk_edge::frame;
use sidetalk_edge::listener::{Listener, ListenerConfig};
use sidetalk_edge::liveness::{Liveness, LivenessSettings};
use sidetalk_edge::outbox::Outbox;
use sidetalk_edge::reader::FrameLimits;
use sidetalk_edge::socket::{Ended, Session, SocketSettings, Sockets, Step};
use sidetalk_edge::upgrade::Upgrade;

struct Echo {
    outbox: Arc<Outbox>,
}

impl Session for Echo {
    type Done = ();

    fn on_text(&mut self, text: &str) -> Step<()> {
        self.outbox.send(frame::text(text.as_bytes()));
        Step::Next
    }

    fn on_binary(&mut self, bytes: &[u8]) -> Step<()> {
        self.outbox.send(frame::binary(bytes));
        Step::Next
    }

    fn on_close(&mut self, _ended: Ended) {}
}

async fn echo(State(sockets): State<Arc<Sockets>>, upgrade: Upgrade) -> Response {
    upgrade.open(&sockets, |outbox| {
        outbox.set_authenticated();
        Echo { outbox }
    })
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let liveness = Liveness::new(LivenessSettings::default());
    tokio::spawn(Arc::clone(&liveness).run());
    // The tools send messages of 16 MiB in fragments of 64 bytes.
    let settings = SocketSettings {
        frames: FrameLimits { message_bytes_max: 64 << 20, fragments_max: u32::MAX },
        outbox_bytes_max: 256 << 20,
        ..SocketSettings::default()
    };
    let sockets = Sockets::new(settings, liveness);
    let app = Router::new().route("/", get(echo)).with_state(sockets);
    let serving = Listener::bind(&*addr, ListenerConfig::default()).await?.serve(app)?;
    println!("{}", serving.local_addr());
    std::io::stdout().flush()?;
    tokio::signal::ctrl_c().await
}
