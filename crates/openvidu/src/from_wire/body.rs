//! The bodies of REST, field by field: the original says of each what it must be.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{METADATA_BYTES_MAX, bad_json};
use crate::ids;
use crate::wire::{NamedData, Role, SessionProperties, field};

/// A field of a body that is not as it must be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadField(pub(crate) String);

/// A body's fields. Unknown ones are passed over; `null` is as good as absent.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The fields of a JSON object; none of an empty body.
    pub(crate) fn read(body: &[u8]) -> Result<Self, BadField> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(BadField("the body must be a JSON object".to_owned())),
            Err(error) => Err(BadField(bad_json("the body", &error))),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, BadField> {
        self.typed(name, "a string", Value::as_str)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, BadField> {
        self.typed(name, "a boolean", Value::as_bool)
    }

    fn object(&self, name: &str) -> Result<Option<&Map<String, Value>>, BadField> {
        self.typed(name, "an object", Value::as_object)
    }

    fn typed<'a, T>(
        &'a self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, BadField> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| BadField(format!("Parameter '{name}' must be {kind}")))
    }

    fn one_of(&self, name: &str, known: &[&'static str]) -> Result<Option<&'static str>, BadField> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = known.iter().find(|known| **known == text);
        let wrong = || BadField(format!("Parameter '{name}' must be one of {}", known.join(", ")));
        found.copied().map(Some).ok_or_else(wrong)
    }

    /// Who a signal is for.
    pub(crate) fn targets(&self) -> Result<Vec<String>, BadField> {
        let wrong = || BadField("Parameter 'to' must be an array of strings".to_owned());
        let Some(value) = self.get(field::TO) else { return Ok(Vec::new()) };
        let names = value.as_array().ok_or_else(wrong)?.iter().map(|name| name.as_str().map(str::to_owned));
        names.collect::<Option<_>>().ok_or_else(wrong)
    }
}

/// What is said of a new session.
pub(crate) fn session_properties(fields: &Fields) -> Result<SessionProperties, BadField> {
    let custom = fields.text(field::CUSTOM_SESSION_ID)?.unwrap_or_default();
    let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    if !custom.chars().all(is_plain) || custom.len() > 128 {
        let name = field::CUSTOM_SESSION_ID;
        return Err(BadField(format!("Parameter '{name}' must be at most 128 of a-z, A-Z, 0-9, - and _")));
    }
    let codec = ["VP8", "VP9", "H264", "MEDIA_SERVER_PREFERRED", "NONE"];
    let mut recording = default_recording();
    if let Some(given) = fields.object(field::DEFAULT_RECORDING_PROPERTIES)? {
        recording.extend(given.iter().filter(|(_, value)| !value.is_null()).map(clone_pair));
    }
    fields.object(field::MEDIA_NODE)?;
    Ok(SessionProperties {
        media_mode: fields.one_of(field::MEDIA_MODE, &["ROUTED", "RELAYED"])?.unwrap_or("ROUTED").to_owned(),
        recording_mode: fields
            .one_of(field::RECORDING_MODE, &["MANUAL", "ALWAYS"])?
            .unwrap_or("MANUAL")
            .to_owned(),
        custom_session_id: custom.to_owned(),
        forced_video_codec: fields.one_of(field::FORCED_VIDEO_CODEC, &codec)?.unwrap_or("VP8").to_owned(),
        allow_transcoding: fields.flag(field::ALLOW_TRANSCODING)?.unwrap_or(false),
        default_recording_properties: recording,
    })
}

fn clone_pair((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn default_recording() -> BTreeMap<String, Value> {
    let defaults = [
        ("name", json!("")),
        ("hasAudio", json!(true)),
        ("hasVideo", json!(true)),
        ("outputMode", json!("COMPOSED")),
        ("recordingLayout", json!("BEST_FIT")),
        ("resolution", json!("1280x720")),
        ("frameRate", json!(25)),
        ("shmSize", json!(536_870_912)),
    ];
    defaults.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is said of a new connection.
#[derive(Debug, PartialEq)]
pub(crate) struct ConnectionWish {
    pub(crate) role: Role,
    pub(crate) record: bool,
    pub(crate) data: String,
    /// The user whose name the application wishes for the connection.
    pub(crate) user: Option<String>,
    pub(crate) options: Option<Value>,
    /// How many of the newest messages the connection gets as signals when it joins; the setting if absent.
    pub(crate) replay_history: Option<usize>,
}

pub(crate) fn connection_wish(fields: &Fields) -> Result<ConnectionWish, BadField> {
    if fields.one_of(field::TYPE, &["WEBRTC", "IPCAM"])? == Some("IPCAM") {
        return Err(BadField("this server has no cameras: 'type' must be WEBRTC".to_owned()));
    }
    let data = fields.text(field::DATA)?.unwrap_or_default();
    if data.len() > METADATA_BYTES_MAX {
        return Err(BadField(format!("Parameter 'data' must be at most {METADATA_BYTES_MAX} bytes")));
    }
    let replay = fields.typed(field::REPLAY_HISTORY, "a number", Value::as_u64)?;
    Ok(ConnectionWish {
        role: role(fields)?.unwrap_or_default(),
        record: fields.flag(field::RECORD)?.unwrap_or(true),
        data: data.to_owned(),
        user: wished_user(data),
        options: fields.object(field::KURENTO_OPTIONS)?.map(|options| Value::Object(options.clone())),
        replay_history: replay.map(|replay| usize::try_from(replay).unwrap_or(usize::MAX)),
    })
}

pub(crate) fn role(fields: &Fields) -> Result<Option<Role>, BadField> {
    let name = fields.one_of(field::ROLE, &["SUBSCRIBER", "PUBLISHER", "MODERATOR"])?;
    Ok(name.map(|name| match name {
        "SUBSCRIBER" => Role::Subscriber,
        "MODERATOR" => Role::Moderator,
        _ => Role::Publisher,
    }))
}

/// The vendor's hidden feature: JSON in `data` may name the connection.
fn wished_user(data: &str) -> Option<String> {
    let named: NamedData = serde_json::from_str(data).ok()?;
    ids::chosen_user(&named.openvidu_custom_connection_id)
}
