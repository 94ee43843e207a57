//! `/users`: profiles, a user's rooms, and erasing a user.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use sidetalk_core::model::UserId;
use sidetalk_core::ports::UserProfile;
use sidetalk_core::refusal::Refusal;

use crate::acts::Out as _;
use crate::errors::{ErrorBody, Problem};
use crate::from_wire;
use crate::state::ApiState;
use crate::token;
use crate::wire::answer::{Erased, Profile, Rooms, Users};
use crate::wire::json::Time;
use crate::wire::request::{ListQuery, PutUser};

use super::extract::{Asked, Body, Caller, Json, Names};
use super::rooms::list_limit;

/// A user in the address.
#[derive(Deserialize)]
pub(crate) struct OfUser {
    user: String,
}

impl OfUser {
    fn read(&self) -> Result<UserId, Problem> {
        from_wire::user("user", &self.user)
    }
}

/// Lists the project's users by id.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(ListQuery),
    responses((status = 200, body = Users), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_users(
    State(api): State<ApiState>,
    caller: Caller,
    Asked(query): Asked<ListQuery>,
) -> Result<Response, Problem> {
    caller.require_server()?;
    let after = query.after.as_deref().map(|after| from_wire::user("after", after)).transpose()?;
    let limit = list_limit(&api, query.limit)?;
    let users = api.service.store().users(caller.principal.project, after.as_ref(), limit + 1).await?;
    let (users, more) = api.fitting(users.iter().map(profile), limit);
    Ok(Json.made(&Users { users, more }))
}

/// Reads a profile.
#[utoipa::path(get, path = "/api/v1/users/{user}", tag = "users", params(("user" = String, Path)),
    responses((status = 200, body = Profile), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_user(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfUser>,
) -> Result<Response, Problem> {
    caller.require_server()?;
    let user = api.service.store().user(caller.principal.project, &names.read()?).await?;
    let user = user.ok_or(Refusal::NotFound { what: "user" })?;
    Ok(Json.made(&profile(&user)))
}

/// Stores a profile, new or changed.
#[utoipa::path(put, path = "/api/v1/users/{user}", tag = "users", params(("user" = String, Path)),
    request_body = PutUser, responses((status = 200, body = Profile), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn put_user(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfUser>,
    body: Body,
) -> Result<Response, Problem> {
    caller.require_server()?;
    let (id, put) = (names.read()?, body.read::<PutUser<'_>>()?);
    let project = caller.principal.project;
    let known = api.service.store().user(project, &id).await?;
    let name = match &put.name {
        Some(name) => token::display_name(name)
            .ok_or_else(|| Problem::invalid("name", "must be 1 to 255 bytes of plain text"))?,
        None => id.as_str().into(),
    };
    let avatar = match &put.avatar {
        Some(avatar) if !token::is_https(avatar) => {
            return Err(Problem::invalid("avatar", "must be an https: address"));
        }
        avatar => avatar.as_deref().map(Into::into),
    };
    let created_at = known.map_or_else(|| api.service.now(), |known| known.created_at);
    let user = UserProfile { id, name, avatar, created_at };
    api.service.store().put_user(project, &user).await?;
    Ok(Json.made(&profile(&user)))
}

/// Erases a user: profile, markers, and the text and name of every message, which everybody is told of as deleted.
/// Sockets of the user end.
#[utoipa::path(delete, path = "/api/v1/users/{user}", tag = "users", params(("user" = String, Path)),
    responses((status = 200, body = Erased), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn delete_user(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfUser>,
) -> Result<Response, Problem> {
    caller.require_server()?;
    let (project, user) = (caller.principal.project, names.read()?);
    let messages = api.service.erase_user(project, &user).await?;
    Ok(Json.made(&Erased { messages }))
}

/// Lists the `direct` and `group` rooms of a user.
#[utoipa::path(get, path = "/api/v1/users/{user}/rooms", tag = "users",
    params(("user" = String, Path), ListQuery),
    responses((status = 200, body = Rooms), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn get_user_rooms(
    State(api): State<ApiState>,
    caller: Caller,
    Names(names): Names<OfUser>,
    Asked(query): Asked<ListQuery>,
) -> Result<Response, Problem> {
    let part = from_wire::part(query.after.as_deref(), query.limit)?;
    api.list_rooms(&caller.principal, &names.read()?, &part, Json).await
}

fn profile(user: &UserProfile) -> Profile<'_> {
    Profile {
        id: user.id.as_str(),
        name: &user.name,
        avatar: user.avatar.as_deref(),
        created_at: Time(user.created_at),
    }
}
