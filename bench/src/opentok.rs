//! What an application's server and its pages do before anybody is in a session of OpenTok: the server makes the session and
//! a token for each user, and the drop-in script changes the token for a native one.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::dialect::Member;
use crate::http::{self, JSON};
use crate::machine::unix_s;
use crate::token;

const TOKEN_LIFE_S: u64 = 3600;
const FORM: &str = "application/x-www-form-urlencoded";

/// Makes a session for each room of the members, who are in that then, and gives each member its native token.
pub(crate) fn admit(address: SocketAddr, key: &str, secret: &str, members: &mut [Member]) -> Result<()> {
    let mut sessions = BTreeMap::new();
    for member in &mut *members {
        if !sessions.contains_key(&member.room) {
            sessions.insert(member.room.clone(), session(address, key, secret)?);
        }
        member.room.clone_from(&sessions[&member.room]);
    }
    http::for_each(members, |member| exchange(address, key, secret, member))
}

fn session(address: SocketAddr, key: &str, secret: &str) -> Result<String> {
    #[derive(Deserialize)]
    struct Session {
        session_id: String,
    }
    let claims = format!(r#"{{"iss":"{key}","ist":"project","exp":{}}}"#, unix_s() + TOKEN_LIFE_S);
    let headers = format!("X-OPENTOK-AUTH: {}\r\n", token::signed(&claims, secret));
    let answer = http::post(address, "/session/create", &headers, FORM, "p2p.preference=enabled")?;
    let [session]: [Session; 1] = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    Ok(session.session_id)
}

fn exchange(address: SocketAddr, key: &str, secret: &str, member: &mut Member) -> Result<()> {
    #[derive(Deserialize)]
    struct Admission {
        token: String,
    }
    let (now_s, room, user) = (unix_s(), &member.room, &member.user);
    let claims = format!(
        r#"{{"iss":"{key}","ist":"project","iat":{now_s},"exp":{},"session_id":"{room}","role":"publisher","scope":"session.connect","connection_data":"{user}"}}"#,
        now_s + TOKEN_LIFE_S
    );
    let token = token::signed(&claims, secret);
    let body = format!(r#"{{"apiKey":"{key}","sessionId":"{room}","token":"{token}"}}"#);
    let answer = http::post(address, "/opentok/exchange", "", JSON, &body)?;
    let admission: Admission = serde_json::from_str(&answer).with_context(|| answer.clone())?;
    member.token = admission.token;
    Ok(())
}
