//! `POST /demo/session`: a place in a demo room for whoever asks. For `sidetalk dev` only: it mints tokens without asking
//! who somebody is. The first person of a new room moderates it.

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use serde::{Deserialize, Serialize};
use sidetalk_core::model::{Principal, ProjectId, Role, RoomName, RoomSpec, UserId};
use sidetalk_edge::caller::Address;
use sidetalk_edge::rate;

use crate::acts::Out as _;
use crate::errors::Problem;
use crate::from_wire;
use crate::rest::extract::{Body, Json};
use crate::state::ApiState;
use crate::token::{self, Mint};
use crate::wire::json::Str;

/// How long a demo token holds.
const TTL: Duration = Duration::from_secs(12 * 60 * 60);

/// What the demo needs to know.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The project whose rooms are demo rooms.
    pub project: ProjectId,
}

/// The demo's route. Merge it only where strangers may come in.
pub fn router(state: ApiState, demo: Demo) -> Router {
    let limit = DefaultBodyLimit::max(state.limits.body_bytes_max);
    Router::new()
        .route("/demo/session", post(post_session))
        .layer(limit)
        .layer(Extension(demo))
        .with_state(state)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish<'a> {
    #[serde(borrow)]
    room: Option<Str<'a>>,
    #[serde(borrow)]
    name: Option<Str<'a>>,
    #[serde(borrow, rename = "as")]
    role: Option<Str<'a>>,
    #[serde(borrow)]
    user: Option<Str<'a>>,
}

#[derive(Debug, Serialize)]
struct Session<'a> {
    room: &'a str,
    token: &'a str,
    name: &'a str,
    user: &'a str,
}

async fn post_session(
    State(api): State<ApiState>,
    Extension(demo): Extension<Demo>,
    Address(address): Address,
    body: Body,
) -> Result<Response, Problem> {
    if let Some(address) = address {
        api.rates.request(address, rate::now())?;
    }
    let wish: Wish<'_> = body.read()?;
    let room = match &wish.room {
        Some(room) => from_wire::room_name(room)?,
        None => friendly_room(api.entropy.bits()),
    };
    let user = match &wish.user {
        Some(user) => from_wire::user("user", user)?,
        None => fresh_user(api.entropy.bits()),
    };
    let name = match &wish.name {
        Some(name) => token::display_name(name)
            .ok_or_else(|| Problem::invalid("name", "must be 1 to 255 bytes of plain text"))?,
        None => friendly_name(api.entropy.bits()).into(),
    };
    let server = Principal::server(demo.project, None);
    let (_, made) = api.service.open_room(&server, &room, RoomSpec::default()).await?;
    let role = match wish.role.as_deref() {
        Some("moderator") => Role::Moderator,
        Some("member") => Role::Member,
        None if made => Role::Moderator,
        None => Role::Member,
        Some(_) => return Err(Problem::invalid("as", "must be moderator or member")),
    };
    let project = api.service.project(demo.project).await?;
    let project = project.ok_or(Problem::NoSuchAddress)?;
    let mint = Mint {
        name: Some(name.to_string()),
        rooms: Some(vec![room.clone()]),
        role: Some(role),
        ..Mint::new(user.clone(), TTL)
    };
    let (token, _) = token::mint(&project, &mint, api.service.now());
    Ok(Json.made(&Session { room: room.as_str(), token: &token, name: &name, user: user.as_str() }))
}

const ADJECTIVES: [&str; 32] = [
    "amber", "brave", "brisk", "bright", "calm", "clever", "cosy", "eager", "early", "fair", "fleet",
    "gentle", "glad", "golden", "happy", "jolly", "keen", "kind", "lively", "lucky", "mellow", "merry",
    "nimble", "patient", "proud", "quick", "quiet", "silver", "snug", "sunny", "tidy", "warm",
];

const ANIMALS: [&str; 32] = [
    "badger", "beaver", "bison", "crane", "curlew", "deer", "dolphin", "falcon", "ferret", "finch", "fox",
    "gecko", "hare", "heron", "ibex", "jay", "koala", "lark", "lynx", "marten", "mole", "otter", "owl",
    "panda", "puffin", "raven", "robin", "seal", "stork", "swan", "tern", "wren",
];

/// Such as `quiet-otter-42`.
fn friendly_room(bits: u128) -> RoomName {
    let (adjective, animal) = pick(bits);
    let number = (bits >> 10) % 90 + 10;
    from_wire::room_name(&format!("{adjective}-{animal}-{number}")).expect("plain words are a valid name")
}

/// Such as `Quiet Otter`.
fn friendly_name(bits: u128) -> String {
    let (adjective, animal) = pick(bits);
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    format!("{} {}", capital(adjective), capital(animal))
}

fn fresh_user(bits: u128) -> UserId {
    from_wire::user("user", &format!("demo-{:016x}", bits >> 64)).expect("hexadecimal digits are a valid id")
}

fn pick(bits: u128) -> (&'static str, &'static str) {
    let index = |shift: u32| usize::try_from((bits >> shift) & 31).unwrap_or(0);
    (ADJECTIVES[index(0)], ANIMALS[index(5)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_friendly() {
        assert_eq!(friendly_room(26 + (21 << 5) + (32 << 10)).as_str(), "quiet-otter-42");
        assert_eq!(friendly_name(26 + (21 << 5)), "Quiet Otter");
    }
}
