//! `sidetalk healthcheck`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::{ConfigArgs, read};

/// How long the server may take.
const WAIT: Duration = Duration::from_secs(5);

/// Ask a running server whether it is ready
#[derive(Debug, Args)]
#[command(after_help = "For containers: HEALTHCHECK CMD [\"sidetalk\", \"healthcheck\"]")]
pub(super) struct Healthcheck {
    /// The operator's listener [default: admin.listen]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    admin: Option<SocketAddr>,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Healthcheck {
    pub(super) fn run(self) -> Result<()> {
        let address = match self.admin {
            Some(address) => address,
            None => self.config.load()?.admin.listen,
        };
        let answer = ask(address).with_context(|| format!("no server answers at {address}"))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if !head.starts_with("HTTP/1.1 200") {
            bail!("{}", if body.trim().is_empty() { head } else { body.trim() });
        }
        writeln!(std::io::stdout(), "ready")?;
        Ok(())
    }
}

/// The address as the server prints it, a URL, is as good.
fn address(text: &str) -> Result<SocketAddr, String> {
    read::address(text.trim_start_matches("http://").trim_end_matches('/'))
}

fn ask(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}
