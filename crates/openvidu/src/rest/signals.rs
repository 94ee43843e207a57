//! Signals of the application's server.

use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use http::StatusCode;
use sidetalk_core::model::{Audience, Signal, SignalData, SignalType};

use super::answer::{Problem, bare};
use super::{Answered, Caller, session_in};
use crate::from_wire::{BadField, Fields, nothing, signal_type};
use crate::state::OpenViduState;
use crate::wire::field;

/// Sends a signal to a session. `from` is nobody.
pub(super) async fn post_signal(
    State(state): State<OpenViduState>,
    OriginalUri(uri): OriginalUri,
    Caller(project): Caller,
    body: Bytes,
) -> Answered {
    let at = state.service.now().as_millis();
    let bad = |field| Problem::field(field, uri.path(), at);
    let wish = Fields::read(&body).and_then(|fields| wish(&fields)).map_err(bad)?;
    let key = session_in(&project, &wish.session).ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    state.session(&key).await?.ok_or(Problem::Bare(StatusCode::NOT_FOUND))?;
    if state.presences(&key).is_empty() {
        return Err(Problem::Bare(StatusCode::NOT_ACCEPTABLE));
    }
    let missing = |name| Problem::Said {
        status: StatusCode::NOT_ACCEPTABLE,
        message: format!("Connection {name:.128} is not in the session; the signal was sent to nobody"),
        path: uri.path().to_owned(),
        at,
    };
    let to = if wish.to.is_empty() {
        Audience::Room
    } else {
        let names = wish.to.iter().map(String::as_str).collect();
        Audience::connections(state.find_all(&key, &names).map_err(missing)?)
    };
    if !state.settings.allows(&wish.data) {
        let max = state.settings.signal_chars_max;
        return Err(bad(BadField(format!("Parameter 'data' must be at most {max} characters"))));
    }
    let signal = Signal { kind: wish.kind, data: wish.data, to };
    state.service.signal(&state.server(project.id), &key.session, signal, None).await?;
    Ok(bare(StatusCode::OK))
}

struct Wish {
    session: String,
    to: Vec<String>,
    kind: Option<SignalType>,
    data: SignalData,
}

fn wish(fields: &Fields) -> Result<Wish, BadField> {
    let session = fields.text(field::SESSION)?;
    let session = session.ok_or_else(|| BadField("Parameter 'session' is mandatory".to_owned()))?;
    let kind = signal_type(fields.text(field::TYPE)?)
        .map_err(|problem| BadField(format!("Parameter 'type' {problem}")))?;
    let data = fields.text(field::DATA)?.map_or_else(nothing, |data| SignalData::Text(data.into()));
    Ok(Wish { session: session.to_owned(), to: fields.targets()?, kind, data })
}
