//! Who one is.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use crate::book::User;
use crate::hall::hashed;
use crate::state::OpenTalkState;
use crate::wire::Login;

use super::answer::{Json, Problem, json_answer};
use super::{Caller, user_of};

/// Where people log in.
pub(super) async fn get_login(State(state): State<OpenTalkState>) -> Response {
    let settings = &state.settings;
    json_answer(StatusCode::OK, &json!({ "oidc": { "name": settings.oidc_name, "url": settings.oidc_url } }))
}

/// Takes note of what an id token says of a user.
pub(super) async fn post_login(
    State(state): State<OpenTalkState>,
    Json(Login { id_token }): Json<Login>,
) -> Result<Response, Problem> {
    let user = user_of(&state, &id_token).await?;
    state.book.put_user(&user).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "permissions": [] })))
}

/// The caller.
pub(super) async fn get_me(Caller(user): Caller) -> Response {
    let mut me = public(&user);
    let more = json!({
        "dashboard_theme": "system", "conference_theme": "system", "language": "en-US",
        "tariff_status": "default", "used_storage": 0
    });
    if let (Value::Object(me), Value::Object(more)) = (&mut me, more) {
        me.extend(more);
    }
    json_answer(StatusCode::OK, &me)
}

/// A user as others see them.
pub(super) fn public(user: &User) -> Value {
    json!({
        "id": hashed("user", &user.subject), "email": user.email, "title": "", "firstname": user.firstname,
        "lastname": user.lastname, "display_name": user.display_name, "avatar_url": user.avatar
    })
}
