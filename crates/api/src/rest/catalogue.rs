//! `/errors`: every code there is, for people and for tests of clients.

use axum::response::Response;

use crate::acts::Out as _;
use crate::errors::CATALOGUE;
use crate::wire::answer::Errors;

use super::extract::Json;

/// Lists every error code and what to mend.
#[utoipa::path(get, path = "/api/v1/errors", tag = "errors", security(()),
    responses((status = 200, body = Errors)))]
pub(crate) async fn get_errors() -> Response {
    Json.made(&Errors { errors: CATALOGUE })
}
