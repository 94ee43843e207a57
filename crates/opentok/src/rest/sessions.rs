//! Sessions: made, and never ended. One is a name; its room is opened here, and again when somebody comes.

use super::*;

use http::header::{ACCEPT, HeaderMap};
use sidetalk_core::model::{RoomSpec, Timestamp};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::from_wire::{SessionWish, session};
use crate::ids::{mint_session, session_over};
use crate::wire::SessionOut;

/// Makes a session. The answer is JSON for those who ask for it, else XML, which the older clients read.
pub(super) async fn post_session(
    State(state): State<OpenTokState>,
    headers: HeaderMap,
    caller: Result<Caller, Problem>,
    read: Read,
) -> Response {
    let wants_json = headers
        .get_all(ACCEPT)
        .iter()
        .any(|value| value.to_str().is_ok_and(|value| value.contains("application/json")));
    match create(&state, caller, read).await {
        Ok(session) => {
            let project = session.project.to_string();
            let made = SessionOut {
                session_id: session.name.as_str(),
                project_id: &project,
                partner_id: &project,
                create_dt: &session.made_at,
                media_server_url: "",
            };
            if wants_json { json(StatusCode::OK, &[made]) } else { answer::xml(StatusCode::OK, made.xml()) }
        }
        Err(problem) if wants_json => problem.into_response(),
        Err(problem) => problem.into_xml(),
    }
}

struct Made {
    name: RoomName,
    project: ProjectName,
    made_at: String,
}

async fn create(state: &OpenTokState, caller: Result<Caller, Problem>, read: Read) -> Result<Made, Problem> {
    let caller = caller?;
    let SessionWish { location, room } = session(&body(read)?)?;
    let now = state.service.now();
    let (name, room) = match room {
        Some(room) => (session_over(caller.name, &room).ok_or_else(lies_over_none)?, room),
        None => {
            let name = mint_session(caller.name, location, now, &*state.entropy);
            (name.clone(), name)
        }
    };
    state.service.open_room(&state.server(caller.project.id), &room, RoomSpec::default()).await?;
    Ok(Made { name, project: caller.name, made_at: date(now) })
}

fn lies_over_none() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "room must be a name of at most 150 bytes, and only the project's own key may name one",
    )
}

/// `Fri Nov 18 15:50:36 UTC 2016`
fn date(moment: Timestamp) -> String {
    let format = format_description!(
        "[weekday repr:short] [month repr:short] [day] [hour]:[minute]:[second] UTC [year]"
    );
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.as_micros()) * 1_000)
        .ok()
        .and_then(|moment| moment.format(&format).ok())
        .unwrap_or_default()
}
