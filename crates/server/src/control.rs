//! The way from a command to the server that holds the store: a socket in the data folder, which only the folder's owner
//! can open. One line of JSON there, one line back.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidetalk_core::service::Service;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::lifecycle::Stop;
use crate::orders::{Order, carry_out};

/// The longest order.
const ORDER_BYTES_MAX: u64 = 64 * 1024;

/// How long an order may take to arrive.
const ORDER_WAIT: Duration = Duration::from_secs(5);

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Done(Value),
    Failed(String),
}

fn socket(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// The listening end.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    /// Listens in the data folder. The store's lock is held, so a socket that is there is left over.
    ///
    /// # Errors
    /// If the socket cannot be made; the commonest reason is a path of more than 107 bytes.
    pub fn bind(data: &Path) -> Result<Self> {
        let path = socket(data);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
        let listener =
            UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Carries out orders, one after the other, until asked to stop.
    pub async fn serve(self, service: Arc<Service>, mut stop: Stop) {
        loop {
            let accepted = tokio::select! {
                () = stop.asked() => return,
                accepted = self.listener.accept() => accepted,
            };
            let outcome = match accepted {
                Ok((stream, _)) => answer(stream, &service).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = outcome {
                tracing::warn!(error = format!("{error:#}"), "an operator's order got no answer");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // What is left over is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, service: &Arc<Service>) -> Result<()> {
    let (read_half, mut write_half) = stream.into_split();
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(read_half.take(ORDER_BYTES_MAX));
    timeout(ORDER_WAIT, reader.read_line(&mut line)).await.context("the order did not arrive in time")??;
    let reply = match serde_json::from_str(&line) {
        Ok(order) => match carry_out(service, order).await {
            Ok(shown) => Reply::Done(shown),
            Err(error) => Reply::Failed(format!("{error:#}")),
        },
        Err(error) => Reply::Failed(format!("the server does not know this order: {error}")),
    };
    let mut line = serde_json::to_vec(&reply)?;
    line.push(b'\n');
    write_half.write_all(&line).await?;
    Ok(())
}

/// Whether a server listens in that data folder.
pub fn is_served(data: &Path) -> bool {
    BlockingStream::connect(socket(data)).is_ok()
}

/// Gives the order to the server of that data folder.
///
/// # Errors
/// If it does not answer, or what it answers stands in the way.
pub fn send(data: &Path, order: &Order) -> Result<Value> {
    let mut stream = BlockingStream::connect(socket(data)).context("the server does not take orders")?;
    let mut line = serde_json::to_vec(order)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply).context("the server did not answer")?;
    match serde_json::from_str(&reply).context("the server stopped before it answered")? {
        Reply::Done(shown) => Ok(shown),
        Reply::Failed(why) => bail!(why),
    }
}
