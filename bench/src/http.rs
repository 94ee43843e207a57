//! What is asked over HTTP before anybody is in a room: by an application's server, or by a page.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use anyhow::{Result, bail};

use crate::dialect::Member;

/// Many answers are commits of the store, so many are asked for at a time.
const CALLERS: usize = 32;

pub(crate) const JSON: &str = "application/json";

/// One request over a socket of its own; the body of the answer. `headers` are whole lines.
pub(crate) fn post(
    address: SocketAddr,
    path: &str,
    headers: &str,
    content_type: &str,
    body: &str,
) -> Result<String> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {JSON}\r\n{headers}Content-Type: {content_type}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 20") => Ok(body.to_owned()),
        _ => bail!("POST {path}: {answer:.300}"),
    }
}

/// Does something for each member, for many at a time.
pub(crate) fn for_each(
    members: &mut [Member],
    prepare: impl Fn(&mut Member) -> Result<()> + Sync,
) -> Result<()> {
    let share = members.len().div_ceil(CALLERS).max(1);
    thread::scope(|scope| {
        let prepare = &prepare;
        let callers: Vec<_> = members
            .chunks_mut(share)
            .map(|share| scope.spawn(move || share.iter_mut().try_for_each(prepare)))
            .collect();
        callers.into_iter().try_for_each(|caller| caller.join().expect("a caller does not panic"))
    })
}
