//! What an application's server does for users of OpenVidu's clients: it makes sessions and asks for a token for each user.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::dialect::Member;
use crate::http::{self, JSON};

/// Makes the rooms of the members as sessions and gives each member its token.
pub(crate) fn promise(address: SocketAddr, secret: &str, members: &mut [Member]) -> Result<()> {
    let rooms: BTreeSet<&str> = members.iter().map(|member| &*member.room).collect();
    for room in rooms {
        post(address, secret, "/sessions", &format!(r#"{{"customSessionId":"{room}"}}"#))?;
    }
    http::for_each(members, |member| connection(address, secret, member))
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

fn post(address: SocketAddr, secret: &str, path: &str, body: &str) -> Result<String> {
    let authorization = STANDARD.encode(format!("OPENVIDUAPP:{secret}"));
    let headers = format!("Authorization: Basic {authorization}\r\n");
    http::post(address, &format!("/openvidu/api{path}"), &headers, JSON, body)
}
