//! A client's frame as something to do; `body.rs` reads the bodies of REST.

mod body;

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sidetalk_core::model::{SignalData, SignalType};

use crate::error::{BAD_METADATA, BAD_PARAMS, BAD_SIGNAL, BAD_TARGET, RpcError, UNAUTHORIZED, UNSUPPORTED};
use crate::wire::{ConnectParams, JoinParams, OneConnection, PingParams, Request, SendParams, SignalIn};

pub(crate) use body::{BadField, ConnectionWish, Fields, connection_wish, role, session_properties};

/// What stands before each type of a signal in a browser.
const TYPE_PREFIX: &str = "signal:";

/// The longest text that a client or an application says of a connection.
pub(crate) const METADATA_BYTES_MAX: usize = 16 * 1024;

/// What a client asks for.
#[derive(Debug)]
pub(crate) enum Call {
    Ping {
        interval: Option<Duration>,
    },
    Join(Join),
    Send(SignalWish),
    Leave,
    ForceDisconnect {
        connection: String,
    },
    Connect {
        rpc: String,
    },
    /// Something that is answered with an empty result.
    Nothing,
}

/// Somebody who wants to come in.
#[derive(Debug)]
pub(crate) struct Join {
    pub(crate) token: TokenText,
    pub(crate) session: Option<String>,
    pub(crate) metadata: String,
    pub(crate) platform: String,
    pub(crate) version: Option<String>,
}

/// A token as far as it can be read without the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TokenText {
    pub(crate) session: Option<String>,
    pub(crate) secret: String,
}

/// A signal that somebody wants to send; empty `to`: everybody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SignalWish {
    pub(crate) to: Vec<String>,
    pub(crate) kind: Option<SignalType>,
    pub(crate) data: SignalData,
}

/// A frame as it was understood.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The request's id; without one nothing is answered.
    pub(crate) id: Option<Box<RawValue>>,
    /// Whether somebody who has not joined may ask for it.
    pub(crate) is_for_all: bool,
    pub(crate) call: Result<Call, RpcError>,
}

/// Reads a frame; `None` if it is no request.
pub(crate) fn request(text: &str) -> Option<Asked> {
    let request: Request<'_> = serde_json::from_str(text).ok()?;
    let id = request.id.filter(|id| matches!(id.get().as_bytes()[0], b'0'..=b'9' | b'-' | b'"'));
    Some(Asked {
        id: id.map(ToOwned::to_owned),
        is_for_all: ["ping", "joinRoom", "connect"].contains(&&*request.method),
        call: call(&request.method, request.params),
    })
}

fn call(method: &str, params: Option<&RawValue>) -> Result<Call, RpcError> {
    Ok(match method {
        "ping" => {
            let interval = optional::<PingParams>(params)?.and_then(|params| params.interval);
            Call::Ping { interval: interval.map(Duration::from_millis) }
        }
        "joinRoom" => Call::Join(join(&required(params)?)?),
        "sendMessage" => {
            let SendParams { message } = required(params)?;
            Call::Send(signal_text(&message)?)
        }
        "leaveRoom" => Call::Leave,
        "forceDisconnect" => {
            let OneConnection { connection_id } = required(params)?;
            Call::ForceDisconnect { connection: connection_id.into_owned() }
        }
        "connect" => {
            let ConnectParams { session_id } = required(params)?;
            Call::Connect { rpc: session_id.into_owned() }
        }
        "echo" | "videoData" => Call::Nothing,
        _ => {
            return Err(RpcError::new(UNSUPPORTED, "this server has no media: only chat methods are served"));
        }
    })
}

fn required<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>) -> Result<T, RpcError> {
    let params = params.map_or("{}", RawValue::get);
    serde_json::from_str(params).map_err(|error| RpcError::new(BAD_PARAMS, bad_json("params", &error)))
}

fn optional<'a, T: Deserialize<'a>>(params: Option<&'a RawValue>) -> Result<Option<T>, RpcError> {
    params.map(|params| required(Some(params))).transpose()
}

/// What is wrong, without the place in a text that the reader does not see.
fn bad_json(what: &str, error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("{what} cannot be read: {text}")
}

fn join(params: &JoinParams<'_>) -> Result<Join, RpcError> {
    let token = token(&params.token)
        .ok_or_else(|| RpcError::new(UNAUTHORIZED, "Token is not one of this server. Code: 401"))?;
    let metadata = params.metadata.as_deref().unwrap_or_default();
    if metadata.len() > METADATA_BYTES_MAX {
        let message = format!("metadata is larger than {METADATA_BYTES_MAX} bytes. Code: 500");
        return Err(RpcError::new(BAD_METADATA, message));
    }
    let short = |text: &str| text.chars().take(255).collect::<String>();
    Ok(Join {
        token,
        session: params.session.as_deref().map(str::to_owned),
        metadata: metadata.to_owned(),
        platform: params.platform.as_deref().map(short).unwrap_or_default(),
        version: params.sdk_version.as_deref().filter(|version| is_version(version)).map(str::to_owned),
    })
}

/// Whether clients can read it as a version: three numbers and dots (and perhaps a suffix that is left alone).
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<_> = core.split('.').collect();
    text.len() <= 32
        && numbers.len() == 3
        && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The session and the secret of a token: its query's `sessionId` and `token`. A bare secret is taken too.
pub(crate) fn token(text: &str) -> Option<TokenText> {
    let Some((_, query)) = text.split_once('?') else {
        return text.starts_with("tok_").then(|| TokenText { session: None, secret: text.to_owned() });
    };
    let field = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    Some(TokenText { session: field("sessionId"), secret: field("token")? })
}

/// A signal in a socket: JSON in a text.
fn signal_text(message: &str) -> Result<SignalWish, RpcError> {
    let bad = |problem: String| RpcError::new(BAD_SIGNAL, problem + ". Code: 600");
    if !message.trim_start().starts_with('{') {
        return Err(bad("the signal is not a JSON object".to_owned()));
    }
    let signal: SignalIn<'_> = serde_json::from_str(message).map_err(|error| {
        // A target that is null or a number is nobody; everything else makes the signal unreadable.
        let is_target = serde_json::from_str::<Value>(message).is_ok_and(|value| has_bad_target(&value));
        let code = if is_target { BAD_TARGET } else { BAD_SIGNAL };
        RpcError::new(code, format!("{}. Code: {code}", bad_json("the signal", &error)))
    })?;
    let kind = signal_type(signal.kind.as_deref()).map_err(|problem| bad(format!("type {problem}")))?;
    let to = signal.to.unwrap_or_default().into_iter().map(Cow::into_owned).collect();
    Ok(SignalWish { to, kind, data: signal_data(signal.data).map_err(bad)? })
}

fn has_bad_target(signal: &Value) -> bool {
    signal["to"].as_array().is_some_and(|to| to.iter().any(|one| !one.is_string()))
}

/// The type without the prefix that browsers put before it. An application's server may leave it away.
pub(crate) fn signal_type(text: Option<&str>) -> Result<Option<SignalType>, String> {
    let Some(text) = text else { return Ok(None) };
    let bare = text.strip_prefix(TYPE_PREFIX).unwrap_or(text);
    if bare.is_empty() {
        return Ok(None);
    }
    SignalType::new(bare).map(Some).map_err(|problem| problem.to_string())
}

/// Texts as they are; other values as their JSON text, to the letter; nothing as JSON's null, which is shown as nothing.
fn signal_data(data: Option<&RawValue>) -> Result<SignalData, String> {
    let Some(data) = data.filter(|data| data.get() != "null") else { return Ok(nothing()) };
    if data.get().starts_with('"') {
        let text: String = serde_json::from_str(data.get()).map_err(|error| bad_json("data", &error))?;
        return Ok(SignalData::Text(text.into()));
    }
    Ok(SignalData::Text(data.get().into()))
}

/// The data of a signal without data.
pub(crate) fn nothing() -> SignalData {
    SignalData::Json("null".into())
}

/// What is understood of a stranger's text, whatever it is taken for.
#[must_use]
pub fn understood(text: &str) -> String {
    let body = Fields::read(text.as_bytes()).map(|fields| {
        (session_properties(&fields), connection_wish(&fields), role(&fields), fields.targets())
    });
    format!("{:?} {:?} {:?} {body:?}", request(text), token(text), signal_text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: &str) -> SignalData {
        SignalData::Text(data.into())
    }

    #[test]
    fn tokens_are_read_in_every_form_that_was_seen() {
        let token = |text: &str| token(text).map(|token| (token.session.unwrap_or_default(), token.secret));
        let both = Some(("ses_A".to_owned(), "tok_B".to_owned()));
        assert_eq!(token("wss://h:1?sessionId=ses_A&token=tok_B"), both);
        assert_eq!(token("ws://h/path?sessionId=ses_A&token=tok_B&role=PUBLISHER&version=2.32.2"), both);
        assert_eq!(token("tok_B"), Some((String::new(), "tok_B".to_owned())));
        assert_eq!(token("wss://h?sessionId=ses_A"), None);
        assert_eq!(token("hello"), None);
    }

    #[test]
    fn signals_lose_their_prefix_and_keep_their_text() {
        let wish =
            signal_text(r#"{"to":[],"data":"a\u0000\u2028b","type":"signal:my-chat"}"#).expect("a signal");
        assert_eq!(wish.kind.expect("a type").as_str(), "my-chat");
        assert_eq!(wish.data, text("a\u{0}\u{2028}b"));
        for (data, expected) in [
            (r#"{"b":1,"a":[true]}"#, text(r#"{"b":1,"a":[true]}"#)),
            ("5", text("5")),
            ("false", text("false")),
            ("null", nothing()),
        ] {
            let wish = signal_text(&format!(r#"{{"data":{data}}}"#)).expect("a signal");
            assert_eq!((wish.data, wish.kind), (expected, None), "{data}");
        }
    }

    #[test]
    fn signals_that_cannot_be_read_have_the_codes_of_the_original() {
        let code = |message: &str| signal_text(message).expect_err("not a signal").code;
        for message in
            ["", "5", "[]", "\"a\"", "{", r#"{"data":"\ud800"}"#, r#"{"type":7}"#, r#"{"to":"con_A"}"#]
        {
            assert_eq!(code(message), BAD_SIGNAL, "{message}");
        }
        for message in [r#"{"to":[null]}"#, r#"{"to":[7],"data":"x"}"#] {
            assert_eq!(code(message), BAD_TARGET, "{message}");
        }
    }

    #[test]
    fn only_requests_are_calls() {
        for frame in ["[]", "null", "{}", r#"{"method":5}"#, r#"[{"method":"ping","id":0}]"#] {
            assert!(request(frame).is_none(), "{frame}");
        }
        let request = |frame| request(frame).expect("a request");
        let ping = request(r#"{"jsonrpc":"2.0","method":"ping","params":{"interval":5000},"id":0}"#);
        assert_eq!(ping.id.expect("an id").get(), "0");
        assert!(matches!(ping.call, Ok(Call::Ping { interval: Some(interval) }) if interval.as_secs() == 5));
        let media = request(r#"{"method":"publishVideo","id":1}"#);
        assert_eq!(media.call.expect_err("media").code, UNSUPPORTED);
        for frame in [r#"{"method":"joinRoom","id":1}"#, r#"{"method":"sendMessage","params":[],"id":1}"#] {
            assert_eq!(request(frame).call.expect_err("no params").code, BAD_PARAMS, "{frame}");
        }
    }

    #[test]
    fn versions_are_three_numbers() {
        assert!(is_version("2.32.2") && is_version("2.25.0-beta1"));
        assert!(!is_version("2.32") && !is_version("x.1.2") && !is_version(""));
    }
}
