//! What an application's server does for users of OpenVidu's clients: it makes sessions and asks for a token for each user.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::dialect::Member;

/// Every token is a commit of the store, so many are asked for at a time.
const CALLERS: usize = 32;

/// Makes the rooms of the members as sessions and gives each member its token.
pub(crate) fn promise(address: SocketAddr, secret: &str, members: &mut [Member]) -> Result<()> {
    let rooms: BTreeSet<&str> = members.iter().map(|member| &*member.room).collect();
    for room in rooms {
        post(address, secret, "/sessions", &format!(r#"{{"customSessionId":"{room}"}}"#))?;
    }
    let share = members.len().div_ceil(CALLERS).max(1);
    thread::scope(|scope| {
        let callers: Vec<_> = members
            .chunks_mut(share)
            .map(|share| {
                scope.spawn(move || share.iter_mut().try_for_each(|one| connection(address, secret, one)))
            })
            .collect();
        callers.into_iter().try_for_each(|caller| caller.join().expect("a caller does not panic"))
    })
}

fn connection(address: SocketAddr, secret: &str, member: &mut Member) -> Result<()> {
    #[derive(Deserialize)]
    struct Connection {
        token: String,
    }
    let answer = post(address, secret, &format!("/sessions/{}/connection", member.room), "{}")?;
    let connection: Connection = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    member.token = connection.token;
    Ok(())
}

/// One request over a socket of its own; the body of the answer.
fn post(address: SocketAddr, secret: &str, path: &str, body: &str) -> Result<String> {
    let authorization = STANDARD.encode(format!("OPENVIDUAPP:{secret}"));
    let request = format!(
        "POST /openvidu/api{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {authorization}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        _ => bail!("POST {path}: {answer:.300}"),
    }
}
