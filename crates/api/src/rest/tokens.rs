//! `/tokens` and `/tickets`: ways in for others.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;

use crate::acts::Out as _;
use crate::errors::{ErrorBody, Problem};
use crate::from_wire::{groups, role, room_name, user};
use crate::state::ApiState;
use crate::token::{self, GROUPS_MAX, Mint, ROOMS_MAX};
use crate::wire::answer::{Minted, Ticket};
use crate::wire::json::{Nothing, Time};
use crate::wire::request::{MintIn, RoomsIn};

use super::extract::{Body, Caller, Json};

/// How long a minted token holds if nobody says.
const TTL_DEFAULT: Duration = Duration::from_secs(60 * 60);

/// Mints a user token.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = MintIn,
    responses((status = 201, body = Minted), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn post_token(
    State(api): State<ApiState>,
    caller: Caller,
    body: Body,
) -> Result<Response, Problem> {
    caller.require_server()?;
    let mint = mint(&api, &body.read()?)?;
    let project = api.service.project(caller.principal.project).await?;
    let project =
        project.ok_or_else(|| Problem::Unauthenticated("there is no such project any more".into()))?;
    let (token, expires_at) = token::mint(&project, &mint, api.service.now());
    if token.len() > token::BYTES_MAX {
        return Err(
            sidetalk_core::refusal::Refusal::TooLarge { field: "token", max: token::BYTES_MAX }.into()
        );
    }
    Ok(Json.created(&Minted { token, expires_at: Time(expires_at) }))
}

fn mint(api: &ApiState, wish: &MintIn<'_>) -> Result<Mint, Problem> {
    let max = api.limits.token_ttl_max;
    let ttl = wish.ttl_s.map_or(TTL_DEFAULT, Duration::from_secs);
    if ttl.is_zero() || ttl > max {
        return Err(Problem::invalid("ttl_s", format!("must be 1 to {} seconds", max.as_secs())));
    }
    if wish.name.as_deref().is_some_and(|name| token::display_name(name).is_none()) {
        return Err(Problem::invalid("name", "must be 1 to 255 bytes of plain text"));
    }
    if wish.avatar.as_deref().is_some_and(|avatar| !token::is_https(avatar)) {
        return Err(Problem::invalid("avatar", "must be an https: address"));
    }
    let rooms = match &wish.room {
        None => None,
        Some(RoomsIn::One(room)) => Some(vec![room_name(room)?]),
        Some(RoomsIn::Many(rooms)) if rooms.len() <= ROOMS_MAX => {
            Some(rooms.iter().map(|room| room_name(room)).collect::<Result<_, _>>()?)
        }
        Some(RoomsIn::Many(_)) => {
            return Err(Problem::invalid("room", format!("has more than {ROOMS_MAX} names")));
        }
    };
    let groups = groups(wish.groups.as_deref().unwrap_or_default())?;
    if groups.len() > GROUPS_MAX {
        return Err(Problem::invalid("groups", format!("has more than {GROUPS_MAX} names")));
    }
    Ok(Mint {
        user: user("user", &wish.user)?,
        name: wish.name.as_deref().map(str::to_owned),
        avatar: wish.avatar.as_deref().map(str::to_owned),
        rooms,
        role: wish.role.as_deref().map(role).transpose()?,
        groups,
        ttl,
    })
}

/// Gives a ticket for one socket of the caller.
#[utoipa::path(post, path = "/api/v1/tickets", tag = "tokens",
    responses((status = 201, body = Ticket), (status = "4XX", body = ErrorBody)))]
pub(crate) async fn post_ticket(
    State(api): State<ApiState>,
    caller: Caller,
    body: Body,
) -> Result<Response, Problem> {
    caller.require_user()?;
    let Nothing {} = body.read()?;
    let (ticket, end) = api.tickets.issue(caller.verified, api.service.now(), &*api.entropy)?;
    Ok(Json.created(&Ticket { ticket, expires_at: Time(end) }))
}
