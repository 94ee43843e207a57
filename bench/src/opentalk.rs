//! What happens before somebody is in a meeting of OpenTalk: its owner, whom an issuer of tokens knows, makes the room and an
//! invite, and each guest changes that for a ticket.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::dialect::Member;
use crate::http::{self, JSON};

/// The issuer that the server is told to believe.
pub(crate) const ISSUER: &str = "https://login.bench.invalid";
/// Its public key. The private one was thrown away when it had signed the token of the owner.
pub(crate) const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
     MCowBQYDK2VwAyEAuj/8tS8mB4VkO8mdu/+xlrpeLfyAlZfRGluopsh/vrE=\n\
     -----END PUBLIC KEY-----\n";
/// The owner's token: `sub` is `owner`, `exp` is in the year 2100.
const OWNER: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImJlbmNoIn0.eyJpc3MiOiJodHRwczovL2xvZ2luLmJlbmNoLmludmFsaWQiLCJzdWIiOiJvd25lciIsIm5hbWUiOiJPd25lciIsImVtYWlsIjoib3duZXJAYmVuY2guaW52YWxpZCIsImdpdmVuX25hbWUiOiJPIiwiZmFtaWx5X25hbWUiOiJXIiwibmlja25hbWUiOiJvd25lciIsImlhdCI6MTc2MzY4MzIwMCwiZXhwIjo0MTAyNDQ0ODAwfQ.2VoXPU8xDg-5lmyDb9bdb1YsKouAXMRQRcB6FcKHxGv6uibbjncIkfKJVvGY2eECoZMWHPTzJOocNm4OF7q7CQ";

/// Makes a room for each room of the members, who are in that then, and gives each member its ticket, which holds for 30 s.
pub(crate) fn invite(address: SocketAddr, members: &mut [Member]) -> Result<()> {
    let mut rooms = BTreeMap::new();
    for member in &mut *members {
        if !rooms.contains_key(&member.room) {
            rooms.insert(member.room.clone(), room(address)?);
        }
        let (id, code) = &rooms[&member.room];
        member.room.clone_from(id);
        member.token.clone_from(code);
    }
    http::for_each(members, |member| start(address, member))
}

/// A room and the code of an invite to it.
fn room(address: SocketAddr) -> Result<(String, String)> {
    #[derive(Deserialize)]
    struct Room {
        id: String,
    }
    #[derive(Deserialize)]
    struct Invite {
        invite_code: String,
    }
    let owner = format!("Authorization: Bearer {OWNER}\r\n");
    let answer = http::post(address, "/v1/rooms", &owner, JSON, "{}")?;
    let Room { id } = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    let answer = http::post(address, &format!("/v1/rooms/{id}/invites"), &owner, JSON, "{}")?;
    let Invite { invite_code } = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    Ok((id, invite_code))
}

fn start(address: SocketAddr, member: &mut Member) -> Result<()> {
    #[derive(Deserialize)]
    struct Started {
        ticket: String,
    }
    let body = format!(r#"{{"invite_code":"{}"}}"#, member.token);
    let answer = http::post(address, &format!("/v1/rooms/{}/start_invited", member.room), "", JSON, &body)?;
    let started: Started = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    member.token = started.ticket;
    Ok(())
}
