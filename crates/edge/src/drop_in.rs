//! What faces share whose pages speak our own dialect, through a script that takes the place of the vendor's: the native
//! token that they get for the vendor's, and a name for people who have only said something of themselves.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::Value;
use sidetalk_core::model::{ConnectionId, Dialect, Role, RoomName, Timestamp, UserId};
use sidetalk_core::ports::Project;
use uuid::Uuid;

/// The most that a native token, and a native client, may say of its owner.
pub const DATA_BYTES_MAX: usize = 4 * 1024;

/// The longest name.
const NAME_BYTES_MAX: usize = 255;

/// The longest plain text that is taken for a name.
const PLAIN_BYTES_MAX: usize = 64;

/// A native token for one person in one room.
#[derive(Clone, Debug)]
pub struct Pass<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The display name.
    pub name: &'a str,
    /// The room that it opens.
    pub room: &'a RoomName,
    /// The role in it.
    pub role: Role,
    /// What the application says of the user.
    pub data: &'a str,
    /// The connection that is promised to its owner.
    pub connection: ConnectionId,
    /// The dialect whose people its owner is one of.
    pub dialect: Dialect,
    /// How long it holds.
    pub ttl: Duration,
}

impl Pass<'_> {
    /// The token, signed with the project's secret.
    #[must_use]
    pub fn mint(&self, project: &Project, now: Timestamp) -> String {
        let iat = now.as_millis().div_euclid(1_000);
        let claims = Claims {
            iss: project.id.to_string(),
            sub: self.user.as_str(),
            name: self.name,
            room: self.room.as_str(),
            role: self.role.name(),
            data: self.data,
            connection: self.connection.as_uuid(),
            dialect: self.dialect.as_str(),
            iat,
            exp: iat.saturating_add(i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX)),
        };
        let secret = EncodingKey::from_secret(project.secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secret)
            .expect("plain claims are JSON, and HMAC takes any secret")
    }
}

/// `docs/api/native.md`, "User tokens".
#[derive(Serialize)]
struct Claims<'a> {
    iss: String,
    sub: &'a str,
    name: &'a str,
    room: &'a str,
    role: &'static str,
    data: &'a str,
    connection: Uuid,
    dialect: &'static str,
    iat: i64,
    exp: i64,
}

/// A name for people, out of the first of these texts that has one: a usual field of a JSON object, or a short plain text.
#[must_use]
pub fn display_name<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    texts.into_iter().find_map(name_in)
}

fn name_in(text: &str) -> Option<String> {
    let clean = |name: &str| {
        let name = name.trim();
        let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
        fits.then(|| name.to_owned())
    };
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(fields)) => ["clientData", "nickname", "nickName", "userName", "username", "name"]
            .iter()
            .find_map(|field| fields.get(*field)?.as_str().and_then(clean)),
        Ok(Value::String(name)) => clean(&name),
        Ok(_) => None,
        Err(_) => clean(text).filter(|name| name.len() <= PLAIN_BYTES_MAX && !name.starts_with(['{', '['])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_a_name_if_there_is_one() {
        let name = |texts: &[&str]| display_name(texts.iter().copied());
        assert_eq!(name(&[r#"{"clientData":"Alice"}"#, "srv"]).as_deref(), Some("Alice"));
        assert_eq!(name(&["Bob", ""]).as_deref(), Some("Bob"));
        assert_eq!(name(&["", r#"{"nickname":"Carol"}"#]).as_deref(), Some("Carol"));
        assert_eq!(name(&["{}", "[1]"]), None);
    }
}
