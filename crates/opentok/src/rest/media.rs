//! Media, of which there is none: enough that callers go on.

use super::*;

use crate::wire::{ProjectOut, StreamsOut};

/// There are no streams.
pub(super) async fn get_streams(_: Place) -> Response {
    json(StatusCode::OK, &StreamsOut { count: 0, items: [] })
}

/// There is no such stream.
pub(super) async fn get_stream(_: Place) -> Problem {
    Problem::not_found("Not found. This server has no streams.")
}

/// All streams that there are have become silent.
pub(super) async fn post_mute(place: Place) -> Response {
    let id = place.caller.name.to_string();
    let project = &place.caller.project;
    json(
        StatusCode::OK,
        &ProjectOut {
            id: &id,
            secret: None,
            status: "ACTIVE",
            name: &project.name,
            environment: "standard",
            created_at: project.created_at.as_millis(),
        },
    )
}
