//! Bodies of requests.

use serde::Deserialize;
use uuid::Uuid;

/// A login.
#[derive(Debug, Deserialize)]
pub(crate) struct Login {
    pub(crate) id_token: String,
}

/// A room to be made.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct NewRoom {
    pub(crate) password: Option<String>,
    #[serde(default)]
    pub(crate) waiting_room: bool,
    #[serde(default)]
    pub(crate) e2e_encryption: bool,
}

/// What is to be changed of a room; `password` may be taken away by `null`.
#[derive(Debug, Deserialize)]
pub(crate) struct Changes {
    #[serde(default, with = "given")]
    pub(crate) password: Option<Option<String>>,
    pub(crate) waiting_room: Option<bool>,
    pub(crate) e2e_encryption: Option<bool>,
}

/// Tells `null` from absent.
mod given {
    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<String>>, D::Error> {
        Option::deserialize(from).map(Some)
    }
}

/// An invite to be made.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct NewInvite {
    pub(crate) expiration: Option<String>,
}

/// An invite that is asked about.
#[derive(Debug, Deserialize)]
pub(crate) struct Code {
    pub(crate) invite_code: String,
}

/// A ticket that a user wants.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Start {
    pub(crate) breakout_room: Option<Uuid>,
    pub(crate) resumption: Option<String>,
}

/// A ticket that a guest wants.
#[derive(Debug, Deserialize)]
pub(crate) struct StartInvited {
    pub(crate) invite_code: String,
    pub(crate) password: Option<String>,
    #[serde(flatten)]
    pub(crate) start: Start,
}
