//! `/rooms/{room}/members` and the caller's own membership.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use sidetalk_core::command::Write;
use sidetalk_core::model::{RoomName, UserId};

use crate::acts::Out as _;
use crate::errors::{ErrorBody, Problem};
use crate::from_wire::{self, lasting, room_name};
use crate::state::ApiState;
use crate::to_wire;
use crate::wire::answer::{Changed, Members};
use crate::wire::json::{Nothing, Place};
use crate::wire::request::{Lasting, ListQuery, PutMember};

use super::extract::{Asked, Body, Caller, Json, Names, Room};

/// Lists the users of whom something is recorded, by id.
#[utoipa::path(get, path = "/api/v1/rooms/{room}/members", tag = "members",
    params(("room" = String, Path), ListQuery),
    responses((status = 200, body = Members), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_members(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
    Asked(query): Asked<ListQuery>,
) -> Result<Response, Problem> {
    let part = from_wire::part(query.after.as_deref(), query.limit)?;
    api.members(&caller.principal, &room, &part, Json).await
}

/// A member in the address.
#[derive(Deserialize)]
pub(crate) struct OfMember {
    room: String,
    user: String,
}

impl OfMember {
    fn read(&self) -> Result<(RoomName, UserId), Problem> {
        Ok((room_name(&self.room)?, from_wire::user("user", &self.user)?))
    }
}

/// Gives a user a role and groups in this room; what is absent stays.
#[utoipa::path(put, path = "/api/v1/rooms/{room}/members/{user}", tag = "members",
    params(("room" = String, Path), ("user" = String, Path)), request_body = PutMember,
    responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn put_member(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfMember>,
    body: Body,
) -> Result<Response, Problem> {
    let (room, user) = names.read()?;
    let mut answer: Option<Changed> = None;
    for write in from_wire::member_writes(&user, &body.read()?)? {
        let written = to_wire::changed(&api.count_and_write(&caller.principal, &room, write).await?);
        let before = answer.is_some_and(|answer| answer.changed);
        let Place(position) = written.position;
        answer = Some(Changed { position: Place(position), changed: written.changed || before });
    }
    Ok(Json.made(&answer.expect("member_writes gives at least one")))
}

async fn lasting_act(
    api: &ApiState,
    caller: &Caller,
    names: &OfMember,
    body: &Body,
    write: impl FnOnce(UserId, Option<std::time::Duration>) -> Write,
) -> Result<Response, Problem> {
    let (room, user) = names.read()?;
    let Lasting { duration_s } = body.read()?;
    api.write(&caller.principal, &room, write(user, lasting(duration_s)?), Json).await
}

async fn plain_act(
    api: &ApiState,
    caller: &Caller,
    names: &OfMember,
    body: &Body,
    write: impl FnOnce(UserId) -> Write,
) -> Result<Response, Problem> {
    let (room, user) = names.read()?;
    let Nothing {} = body.read()?;
    api.write(&caller.principal, &room, write(user), Json).await
}

macro_rules! member_acts {
    ($($(#[$doc:meta])* $handler:ident $path:literal $act:ident $body:ident |$($argument:ident),*| $write:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "members",
            params(("room" = String, Path), ("user" = String, Path)), request_body = $body,
            responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
        pub(crate) async fn $handler(
            State(api): State<ApiState>,
            caller: Caller,
            Names(names): Names<OfMember>,
            body: Body,
        ) -> Result<Response, Problem> {
            $act(&api, &caller, &names, &body, |$($argument),*| $write).await
        }
    )*};
}

member_acts! {
    /// Forbids a user to post.
    post_mute "/api/v1/rooms/{room}/members/{user}/mute" lasting_act Lasting |user, duration| Write::Mute { user, duration };
    /// Lifts a mute.
    post_unmute "/api/v1/rooms/{room}/members/{user}/unmute" plain_act Nothing |user| Write::Unmute { user };
    /// Puts a user out; the user may come back.
    post_kick "/api/v1/rooms/{room}/members/{user}/kick" plain_act Nothing |user| Write::Kick { user };
    /// Puts a user out and keeps the user out.
    post_ban "/api/v1/rooms/{room}/members/{user}/ban" lasting_act Lasting |user, duration| Write::Ban { user, duration };
    /// Lifts a ban.
    post_unban "/api/v1/rooms/{room}/members/{user}/unban" plain_act Nothing |user| Write::Unban { user };
    /// Invites a user into a group room.
    post_invite "/api/v1/rooms/{room}/members/{user}/invite" plain_act Nothing |user| Write::Invite { user };
    /// Makes a user a member of a group room at once.
    post_add "/api/v1/rooms/{room}/members/{user}/add" plain_act Nothing |user| Write::AddMember { user };
}

/// Accepts an invitation of the caller.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/membership/accept", tag = "members",
    params(("room" = String, Path)), responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn post_accept(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
) -> Result<Response, Problem> {
    caller.require_user()?;
    api.write(&caller.principal, &room, Write::AcceptInvitation, Json).await
}

/// Gives the caller's membership up, or declines an invitation.
#[utoipa::path(post, path = "/api/v1/rooms/{room}/membership/leave", tag = "members",
    params(("room" = String, Path)), responses((status = 200, body = Changed), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn post_leave(
    State(api): State<ApiState>,
    caller: Caller,
    Room(room): Room,
) -> Result<Response, Problem> {
    caller.require_user()?;
    api.write(&caller.principal, &room, Write::LeaveRoom, Json).await
}
