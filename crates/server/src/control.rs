//! The way from a command to the server that holds the store: a socket in the data folder, which only the folder's owner
//! can open. One line of JSON there, one line back.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sidetalk_core::service::Service;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::sections::ProjectEntry;
use crate::lifecycle::Stop;
use crate::orders::{Order, carry_out};

/// The longest order.
const ORDER_BYTES_MAX: u64 = 64 * 1024;

/// How long an order may take to arrive.
const ORDER_WAIT: Duration = Duration::from_secs(5);

/// Orders at the same time; the next ones wait.
const ORDERS_MAX: usize = 16;

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
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
        let listener =
            UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Carries out orders until asked to stop. One who says nothing keeps nobody else waiting.
    pub async fn serve(self, service: Arc<Service>, configured: Vec<ProjectEntry>, mut stop: Stop) {
        let configured: Arc<[ProjectEntry]> = configured.into();
        let mut orders = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.asked() => break,
                Some(_) = orders.join_next() => continue,
                accepted = self.listener.accept(), if orders.len() < ORDERS_MAX => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (service, configured) = (Arc::clone(&service), Arc::clone(&configured));
                    let mut stop = stop.clone();
                    orders.spawn(async move {
                        if let Err(error) = answer(stream, &service, &configured, &mut stop).await {
                            tell(&error);
                        }
                    });
                }
                Err(error) => {
                    tell(&error.into());
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        // What is being carried out is finished and answered.
        while orders.join_next().await.is_some() {}
    }
}

fn tell(error: &anyhow::Error) {
    tracing::warn!(error = format!("{error:#}"), "an operator's order got no answer");
}

impl Drop for Control {
    fn drop(&mut self) {
        // What is left over is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(
    stream: UnixStream,
    service: &Arc<Service>,
    configured: &[ProjectEntry],
    stop: &mut Stop,
) -> Result<()> {
    let (read_half, mut write_half) = stream.into_split();
    let order = tokio::select! {
        () = stop.asked() => return Ok(()),
        order = timeout(ORDER_WAIT, hear(read_half)) => order.context("the order did not arrive in time")??,
    };
    if order.is_empty() {
        // Somebody has only looked whether a server is there.
        return Ok(());
    }
    let reply = match serde_json::from_str(&order) {
        Ok(order) => match carry_out(service, configured, order).await {
            Ok(shown) => Reply::Done(shown),
            Err(error) => Reply::Failed(format!("{error:#}")),
        },
        Err(error) => Reply::Failed(format!("the server does not know this order: {error}")),
    };
    let mut line = serde_json::to_vec(&reply)?;
    line.push(b'\n');
    timeout(ORDER_WAIT, write_half.write_all(&line)).await.context("the answer was not taken")??;
    Ok(())
}

async fn hear(read_half: OwnedReadHalf) -> io::Result<String> {
    let mut line = String::new();
    tokio::io::BufReader::new(read_half.take(ORDER_BYTES_MAX)).read_line(&mut line).await?;
    Ok(line)
}

/// Whether a server listens in that data folder.
///
/// # Errors
/// If that cannot be told, with what to do about it.
pub fn is_served(data: &Path) -> Result<bool> {
    match connect(data) {
        Ok(_) => Ok(true),
        // Invalid is a path that is too long for a socket: no server listens there either.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::InvalidInput
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(unreachable(data, &error)),
    }
}

fn connect(data: &Path) -> io::Result<BlockingStream> {
    BlockingStream::connect(socket(data))
}

fn unreachable(data: &Path, error: &io::Error) -> anyhow::Error {
    let path = socket(data);
    let what = match error.kind() {
        ErrorKind::PermissionDenied => "run this as the user that the server runs as, or as root",
        ErrorKind::NotADirectory => "the data folder must be a folder",
        _ => "try again, and look whether the server is well",
    };
    anyhow!("cannot ask the server at {}: {error}; {what}", path.display())
}

/// Gives the order to the server of that data folder.
///
/// # Errors
/// If it does not answer, or what it answers stands in the way.
pub fn send(data: &Path, order: &Order) -> Result<Value> {
    let mut stream = connect(data).map_err(|error| unreachable(data, &error))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::lifecycle::{Readiness, Tasks};
    use crate::wiring::{offline_service, open_store};

    #[test]
    fn only_what_surely_is_no_server_counts_as_none() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let data = folder.path();
        assert!(!is_served(data).expect("there is no socket"));
        drop(std::os::unix::net::UnixListener::bind(socket(data)).expect("the folder is ours"));
        assert!(!is_served(data).expect("a socket that was left over refuses"));
        assert!(!is_served(&data.join("long".repeat(50))).expect("no socket has such a name"));
        let file = data.join("file");
        std::fs::write(&file, "").expect("the folder is ours");
        let said = is_served(&file).expect_err("this cannot be asked").to_string();
        assert!(said.starts_with("cannot ask the server at ") && said.lines().count() == 1, "{said}");
        let said = unreachable(data, &ErrorKind::PermissionDenied.into()).to_string();
        assert!(
            said.ends_with("permission denied; run this as the user that the server runs as, or as root"),
            "{said}"
        );
    }

    #[tokio::test]
    async fn to_look_whether_somebody_listens_is_no_order_without_an_answer() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let mut config = Config::default();
        config.store.path = folder.path().to_owned();
        let held = open_store(&config).await.expect("a fresh store");
        let service = offline_service(&config, &held);
        let control = Control::bind(folder.path()).expect("the folder is ours");
        assert!(is_served(folder.path()).expect("it listens"));
        let (looker, _) = control.listener.accept().await.expect("somebody looked");
        assert_eq!(hear(looker.into_split().0).await.expect("nothing was asked"), "");
        let mut tasks = Tasks::new(Readiness::default());
        tasks.spawn("control", |stop| control.serve(service, Vec::new(), stop));
        // Somebody who says nothing held up everybody's orders.
        let _silent = connect(folder.path()).expect("it listens");
        let began = tokio::time::Instant::now();
        let data = folder.path().to_owned();
        let listed = tokio::task::spawn_blocking(move || send(&data, &Order::ProjectList)).await;
        assert!(listed.expect("no bug").is_ok());
        assert!(began.elapsed() < ORDER_WAIT, "{:?}", began.elapsed());
        assert!(tasks.finish(tokio::time::Instant::now() + Duration::from_secs(10)).await);
        held.close().await;
    }
}
