//! Tickets for the socket.

use std::net::IpAddr;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use sidetalk_core::model::UserId;
use sidetalk_edge::auth::is_same_secret;
use sidetalk_edge::caller::Address;
use sidetalk_edge::rate;
use uuid::Uuid;

use crate::book::Room;
use crate::generation::Generation;
use crate::state::OpenTalkState;
use crate::tickets::{Known, Resumed, Visitor};
use crate::wire::{Start, StartInvited};

use super::Caller;
use super::answer::{Json, Problem, json_answer};
use super::rooms::{find, invited};

/// A ticket for a user.
pub(super) async fn post_start(
    State(state): State<OpenTalkState>,
    Extension(generation): Extension<Generation>,
    Address(address): Address,
    Caller(user): Caller,
    Path(room): Path<String>,
    Json(wish): Json<Start>,
) -> Result<Response, Problem> {
    let room = find(&state, &room).await?;
    let id = user
        .id()
        .ok_or_else(|| Problem::bad_token("invalid_access_token", "the token's sub is not usable"))?;
    check_ban(&state, &room, &id).await?;
    check_breakout(&wish)?;
    state.rates.ticket(address, rate::now())?;
    state.book.put_user(&user).await?;
    let known = Known {
        is_owner: user.subject == room.created_by,
        groups: user.group_names(),
        name: user.display_name,
        avatar: Some(user.avatar).filter(|avatar| !avatar.is_empty()),
        user: id,
    };
    issue(&state, &room, Some(known), generation, &wish)
}

/// A ticket for a guest.
pub(super) async fn post_start_invited(
    State(state): State<OpenTalkState>,
    Extension(generation): Extension<Generation>,
    Address(address): Address,
    Path(room): Path<String>,
    Json(StartInvited { invite_code, password, start }): Json<StartInvited>,
) -> Result<Response, Problem> {
    let code =
        Uuid::try_parse(&invite_code).map_err(|_| Problem::invalid("invite_code", "must be a UUID"))?;
    let invited = invited(&state, code).await?;
    if Uuid::try_parse(&room) != Ok(invited.id) {
        return Err(Problem::bad_request("bad_request", "the invite code is of another room"));
    }
    if let Some(needed) = &invited.password {
        check_password(&state, address, invited.id, needed, password.as_deref())?;
    }
    check_breakout(&start)?;
    state.rates.ticket(address, rate::now())?;
    issue(&state, &invited, None, generation, &start)
}

/// Only what somebody tries is a guess: a page may ask first whether there is a password.
fn check_password(
    state: &OpenTalkState,
    address: Option<IpAddr>,
    room: Uuid,
    needed: &str,
    given: Option<&str>,
) -> Result<(), Problem> {
    let guess = |given| state.rates.guess(address, room, rate::now(), || is_same_secret(given, needed));
    if given.map(guess).transpose()? != Some(true) {
        return Err(Problem::unauthorized("wrong_room_password", "the room's password is missing or wrong"));
    }
    Ok(())
}

async fn check_ban(state: &OpenTalkState, room: &Room, user: &UserId) -> Result<(), Problem> {
    let core = state.service.room(&state.server(), &state.room_key(room.id).name).await?;
    let ban = core.members.get(user).and_then(|member| member.ban);
    if ban.is_some_and(|ban| ban.holds(state.service.now())) {
        return Err(Problem::forbidden("banned_from_room", "you are banned from this room"));
    }
    Ok(())
}

fn check_breakout(wish: &Start) -> Result<(), Problem> {
    match wish.breakout_room {
        Some(_) => Err(Problem::bad_request("no_breakout_rooms", "this room has no breakout rooms")),
        None => Ok(()),
    }
}

fn issue(
    state: &OpenTalkState,
    room: &Room,
    user: Option<Known>,
    generation: Generation,
    wish: &Start,
) -> Result<Response, Problem> {
    let (key, now) = (state.room_key(room.id), state.service.now());
    let own = user.as_ref().map(|known| &known.user);
    let resumed = wish.resumption.as_deref().map_or(Resumed::No, |token| {
        state.tickets.resume(token, &key, own, now, |participant| state.is_here(&key, participant))
    });
    let participant = match resumed {
        Resumed::As(participant) => participant,
        Resumed::Running => {
            return Err(Problem::bad_request("session_running", "the session to resume is still running"));
        }
        Resumed::No => state.fresh_id(),
    };
    let visitor = Visitor { room: key, participant, user, generation };
    let issued = state.tickets.issue(&*state.entropy, visitor, now);
    let (ticket, resumption) =
        issued.ok_or_else(|| Problem::bad_request("too_many_tickets", "too many tickets wait; try again"))?;
    Ok(json_answer(StatusCode::OK, &json!({ "ticket": ticket, "resumption": resumption })))
}
