//! Minting, with a project's secret.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey};
use serde::Serialize;
use sidetalk_core::model::{GroupName, Role, RoomName, Timestamp, UserId};
use sidetalk_core::ports::Project;

use super::{SECONDS_MAX, seconds};

/// A user token to be minted.
#[derive(Clone, Debug)]
pub struct Mint {
    /// The user.
    pub user: UserId,
    /// The display name.
    pub name: Option<String>,
    /// The address of a picture.
    pub avatar: Option<String>,
    /// The rooms that it opens; `None`: any.
    pub rooms: Option<Vec<RoomName>>,
    /// The role.
    pub role: Option<Role>,
    /// The groups.
    pub groups: Vec<GroupName>,
    /// How long it holds.
    pub ttl: Duration,
}

impl Mint {
    /// A token for that user in any room.
    pub fn new(user: UserId, ttl: Duration) -> Self {
        Self { user, name: None, avatar: None, rooms: None, role: None, groups: Vec::new(), ttl }
    }
}

/// Mints a user token with the project's secret; says when it ends.
pub fn mint(project: &Project, mint: &Mint, now: Timestamp) -> (String, Timestamp) {
    let rooms = mint.rooms.iter().flatten().map(|room| room.as_str().to_owned()).collect();
    let claims = MintedClaims {
        sub: Some(mint.user.as_str()),
        name: mint.name.as_deref(),
        avatar: mint.avatar.as_deref(),
        room: mint.rooms.as_ref().map(|_| rooms),
        role: mint.role.map(Role::name),
        groups: mint.groups.iter().map(GroupName::as_str).collect(),
        ..MintedClaims::new(project, mint.ttl, now)
    };
    sign(project, &claims)
}

/// Mints a server token with the project's secret; says when it ends.
pub fn mint_server(project: &Project, ttl: Duration, now: Timestamp) -> (String, Timestamp) {
    sign(project, &MintedClaims { scope: Some("server"), ..MintedClaims::new(project, ttl, now) })
}

fn sign(project: &Project, claims: &MintedClaims<'_>) -> (String, Timestamp) {
    let key = EncodingKey::from_secret(project.secret.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::new(Algorithm::HS256), claims, &key)
        .expect("plain claims are JSON, and HMAC takes any secret");
    (token, seconds(claims.exp))
}

#[derive(Default, Serialize)]
struct MintedClaims<'a> {
    iss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<&'a str>,
}

impl MintedClaims<'_> {
    fn new(project: &Project, ttl: Duration, now: Timestamp) -> Self {
        let iat = u64::try_from(now.as_millis() / 1_000).unwrap_or(0);
        let exp = iat.saturating_add(ttl.as_secs()).min(SECONDS_MAX);
        Self { iss: project.id.to_string(), iat, exp, ..Self::default() }
    }
}
