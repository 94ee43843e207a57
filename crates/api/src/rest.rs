//! REST, and the way to the socket. One table of routes makes the router and the OpenAPI document; each file is one noun.

mod catalogue;
mod connect;
pub(crate) mod extract;
mod guard;
mod members;
mod messages;
mod people;
mod project;
mod rooms;
mod signals;
mod tokens;
mod users;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{self, MethodRouter};
use utoipa::OpenApi;

use crate::sse;
use crate::state::ApiState;

/// Where all of it is.
pub const BASE: &str = "/api/v1";

macro_rules! routes {
    ($($path:literal { $($method:ident $module:ident::$handler:ident),* })*) => {
        /// Every REST route: method and path below [`BASE`].
        pub static ROUTES: &[(&str, &str)] = &[$($((stringify!($method), $path)),*),*];

        fn table() -> Router<ApiState> {
            Router::new()$(.route($path, MethodRouter::new()$(.merge(routing::$method($module::$handler)))*))*
        }

        /// The document of the handlers.
        #[derive(OpenApi)]
        #[openapi(paths($($($module::$handler),*),*))]
        pub(crate) struct Handlers;
    };
}

routes! {
    "/connect" { get connect::connect }
    "/project" { get project::get_project, patch project::patch_project }
    "/tokens" { post tokens::post_token }
    "/tickets" { post tokens::post_ticket }
    "/rooms" { get rooms::get_rooms, post rooms::post_room }
    "/rooms/{room}" { get rooms::get_room, patch rooms::patch_room, delete rooms::delete_room }
    "/rooms/{room}/messages" { get messages::get_messages, post messages::post_message }
    "/rooms/{room}/messages/{message}" {
        get messages::get_message, patch messages::patch_message, delete messages::delete_message
    }
    "/rooms/{room}/messages/{message}/pin" { put messages::put_pin, delete messages::delete_pin }
    "/rooms/{room}/messages/{message}/reactions/{emoji}" {
        put messages::put_reaction, delete messages::delete_reaction
    }
    "/rooms/{room}/search" { get messages::get_search }
    "/rooms/{room}/clear" { post messages::post_clear }
    "/rooms/{room}/signals" { post signals::post_signal }
    "/rooms/{room}/typing" { post signals::post_typing }
    "/rooms/{room}/receipt" { put signals::put_receipt }
    "/rooms/{room}/unread" { get signals::get_unread }
    "/rooms/{room}/connections" { get people::get_connections }
    "/rooms/{room}/connections/{connection}" { delete people::delete_connection }
    "/rooms/{room}/members" { get members::get_members }
    "/rooms/{room}/members/{user}" { put members::put_member }
    "/rooms/{room}/members/{user}/mute" { post members::post_mute }
    "/rooms/{room}/members/{user}/unmute" { post members::post_unmute }
    "/rooms/{room}/members/{user}/kick" { post members::post_kick }
    "/rooms/{room}/members/{user}/ban" { post members::post_ban }
    "/rooms/{room}/members/{user}/unban" { post members::post_unban }
    "/rooms/{room}/members/{user}/invite" { post members::post_invite }
    "/rooms/{room}/members/{user}/add" { post members::post_add }
    "/rooms/{room}/membership/accept" { post members::post_accept }
    "/rooms/{room}/membership/leave" { post members::post_leave }
    "/rooms/{room}/events" { get sse::get_events }
    "/users" { get users::get_users }
    "/users/{user}" { get users::get_user, put users::put_user, delete users::delete_user }
    "/users/{user}/rooms" { get users::get_user_rooms }
    "/errors" { get catalogue::get_errors }
}

/// All routes of this face: `/api/v1/…`, `/openapi.json`, `/asyncapi.json` and `/docs`. Everything below `/api/v1` is
/// answered in JSON, mistakes included.
pub fn router(state: ApiState) -> Router {
    let api = table()
        .fallback(guard::no_such_address)
        .method_not_allowed_fallback(guard::no_such_method)
        .layer(DefaultBodyLimit::max(state.limits.body_bytes_max))
        .layer(from_fn_with_state(state.clone(), guard::guard));
    let documents = crate::documents::router(state.version);
    Router::new().nest(BASE, api).with_state(state).merge(documents)
}

pub use connect::PROTOCOL;
