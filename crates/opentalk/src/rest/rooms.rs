//! Rooms and the invites to them.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};
use sidetalk_core::model::{RoomSpec, Timestamp};
use uuid::Uuid;

use crate::book::{Invite, Room, User};
use crate::enter::tariff;
use crate::hall::time;
use crate::state::OpenTalkState;
use crate::wire::{Changes, Code, EventInfo, NewInvite, NewRoom};

use super::answer::{Json, Problem, json_answer};
use super::people::public;
use super::{Caller, Somebody};

/// The longest password.
const PASSWORD_BYTES_MAX: usize = 255;

/// Makes a room.
pub(super) async fn post_room(
    State(state): State<OpenTalkState>,
    Caller(user): Caller,
    Json(NewRoom { password, waiting_room, e2e_encryption }): Json<NewRoom>,
) -> Result<Response, Problem> {
    check_password(password.as_deref())?;
    let room = Room {
        id: state.fresh_id(),
        created_by: user.subject.clone(),
        created_at: state.service.now().as_micros(),
        password,
        waiting_room,
        e2e_encryption,
    };
    state.service.open_room(&state.server(), &state.room_key(room.id).name, RoomSpec::default()).await?;
    state.book.put_user(&user).await?;
    state.book.put_room(&room).await?;
    Ok(json_answer(StatusCode::CREATED, &shown(&room, &user, true)))
}

/// A room. Its password is the owner's to know.
pub(super) async fn get_room(
    State(state): State<OpenTalkState>,
    Caller(user): Caller,
    Path(room): Path<String>,
) -> Result<Response, Problem> {
    let room = find(&state, &room).await?;
    let creator = state.book.user(&room.created_by).await?.unwrap_or_else(|| user.clone());
    Ok(json_answer(StatusCode::OK, &shown(&room, &creator, user.subject == room.created_by)))
}

/// Changes a room, for its owner.
pub(super) async fn patch_room(
    State(state): State<OpenTalkState>,
    Caller(user): Caller,
    Path(room): Path<String>,
    Json(changes): Json<Changes>,
) -> Result<Response, Problem> {
    let mut room = owned(&state, &room, &user).await?;
    if let Some(password) = changes.password {
        check_password(password.as_deref())?;
        room.password = password;
    }
    room.waiting_room = changes.waiting_room.unwrap_or(room.waiting_room);
    room.e2e_encryption = changes.e2e_encryption.unwrap_or(room.e2e_encryption);
    state.book.put_room(&room).await?;
    Ok(json_answer(StatusCode::OK, &shown(&room, &user, true)))
}

/// Deletes a room with all that was said in it, for its owner.
pub(super) async fn delete_room(
    State(state): State<OpenTalkState>,
    Caller(user): Caller,
    Path(room): Path<String>,
) -> Result<Response, Problem> {
    let room = owned(&state, &room, &user).await?;
    state.service.delete_room(&state.server(), &state.room_key(room.id).name).await?;
    state.book.remove_room(room.id).await?;
    crate::moderation::room_deleted(&state, &state.room_key(room.id));
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The event of a room: without a calendar each room is one of its own.
pub(super) async fn get_event(
    State(state): State<OpenTalkState>,
    somebody: Somebody,
    Path(room): Path<String>,
) -> Result<Response, Problem> {
    let room = visible(&state, &somebody, &room).await?;
    let core = state.service.room(&state.server(), &state.room_key(room.id).name).await?;
    let title = core.settings.title.as_deref().unwrap_or("Meeting").to_owned();
    let info = EventInfo {
        id: room.id,
        room_id: room.id,
        title,
        is_adhoc: true,
        e2e_encryption: room.e2e_encryption,
        password_required: Some(room.password.is_some()),
    };
    Ok(json_answer(StatusCode::OK, &info))
}

/// What may be done in a room: everything.
pub(super) async fn get_tariff(
    State(state): State<OpenTalkState>,
    somebody: Somebody,
    Path(room): Path<String>,
) -> Result<Response, Problem> {
    visible(&state, &somebody, &room).await?;
    Ok(json_answer(StatusCode::OK, &tariff()))
}

/// What the caller may do.
pub(super) async fn get_my_tariff(_: Caller) -> Response {
    json_answer(StatusCode::OK, &tariff())
}

/// The invites to a room, for its owner.
pub(super) async fn get_invites(
    State(state): State<OpenTalkState>,
    Caller(user): Caller,
    Path(room): Path<String>,
) -> Result<Response, Problem> {
    let room = owned(&state, &room, &user).await?;
    let invites = state.book.invites(room.id).await?;
    let shown: Vec<_> = invites.iter().map(|invite| shown_invite(invite, &user)).collect();
    Ok(json_answer(StatusCode::OK, &shown))
}

/// Invites whoever has the code.
pub(super) async fn post_invite(
    State(state): State<OpenTalkState>,
    Caller(user): Caller,
    Path(room): Path<String>,
    Json(NewInvite { expiration }): Json<NewInvite>,
) -> Result<Response, Problem> {
    let room = owned(&state, &room, &user).await?;
    let expiration = expiration
        .map(|text| crate::times::parse(&text))
        .map(|parsed| parsed.ok_or_else(|| Problem::invalid("expiration", "must be a time of RFC 3339")));
    let invite = Invite {
        code: state.fresh_id(),
        room: room.id,
        created_by: user.subject.clone(),
        created_at: state.service.now().as_micros(),
        active: true,
        expiration: expiration.transpose()?.map(Timestamp::as_micros),
    };
    state.book.put_invite(&invite).await?;
    Ok(json_answer(StatusCode::CREATED, &shown_invite(&invite, &user)))
}

/// Says which room a code opens.
pub(super) async fn post_verify(
    State(state): State<OpenTalkState>,
    Json(Code { invite_code }): Json<Code>,
) -> Result<Response, Problem> {
    let code = Uuid::try_parse(&invite_code)
        .map_err(|_| Problem::bad_request("invalid_json", "the invite code is not a UUID"))?;
    let room = invited(&state, code).await?;
    let answer = json!({ "room_id": room.id, "password_required": room.password.is_some() });
    Ok(json_answer(StatusCode::OK, &answer))
}

/// The room that an invite code opens now.
pub(super) async fn invited(state: &OpenTalkState, code: Uuid) -> Result<Room, Problem> {
    let invite = state.book.invite(code).await?.ok_or_else(Problem::not_found)?;
    let now = state.service.now().as_micros();
    if !invite.active || invite.expiration.is_some_and(|expiration| expiration <= now) {
        return Err(Problem::not_found());
    }
    state.book.room(invite.room).await?.ok_or_else(Problem::not_found)
}

/// The room in the address.
pub(super) async fn find(state: &OpenTalkState, room: &str) -> Result<Room, Problem> {
    let id = Uuid::try_parse(room).map_err(|_| Problem::not_found())?;
    state.book.room(id).await?.ok_or_else(Problem::not_found)
}

async fn owned(state: &OpenTalkState, room: &str, user: &User) -> Result<Room, Problem> {
    let room = find(state, room).await?;
    if room.created_by == user.subject {
        Ok(room)
    } else {
        Err(Problem::forbidden("forbidden", "only the room's owner may do this"))
    }
}

async fn visible(state: &OpenTalkState, somebody: &Somebody, room: &str) -> Result<Room, Problem> {
    let found = find(state, room).await?;
    match somebody {
        Somebody::User => Ok(found),
        Somebody::Invited(code) => {
            let invited = invited(state, *code).await.map_err(Problem::into_invite_refusal)?;
            if invited.id == found.id { Ok(found) } else { Err(Problem::not_found()) }
        }
    }
}

fn check_password(password: Option<&str>) -> Result<(), Problem> {
    match password {
        Some(password) if password.is_empty() || password.len() > PASSWORD_BYTES_MAX => {
            Err(Problem::invalid("password", "must have 1 to 255 bytes"))
        }
        _ => Ok(()),
    }
}

fn shown(room: &Room, creator: &User, with_password: bool) -> Value {
    let mut shown = json!({
        "id": room.id, "created_by": public(creator), "created_at": time(Timestamp::from_micros(room.created_at)),
        "waiting_room": room.waiting_room
    });
    if let Some(password) = room.password.as_ref().filter(|_| with_password) {
        shown["password"] = json!(password);
    }
    shown
}

fn shown_invite(invite: &Invite, user: &User) -> Value {
    let (by, at) = (public(user), time(Timestamp::from_micros(invite.created_at)));
    json!({
        "invite_code": invite.code, "created": at, "created_by": by, "updated": at, "updated_by": by,
        "room_id": invite.room, "active": invite.active,
        "expiration": invite.expiration.map(|micros| time(Timestamp::from_micros(micros)))
    })
}
