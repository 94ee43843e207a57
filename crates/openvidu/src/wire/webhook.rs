//! The bodies of webhooks.

use std::borrow::Cow;

use serde::Serialize;

/// A body: whose session, when, what.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hook<'a> {
    pub(crate) session_id: &'a str,
    pub(crate) unique_session_id: String,
    pub(crate) timestamp: i64,
    #[serde(flatten)]
    pub(crate) what: What<'a>,
    pub(crate) event: &'static str,
}

/// What an event says beyond that.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum What<'a> {
    Nothing {},
    Span(Span),
    Person(Person<'a>),
    Signal(SignalSent<'a>),
}

/// How long something took, and why it ended.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Span {
    pub(crate) start_time: i64,
    /// Seconds.
    pub(crate) duration: i64,
    pub(crate) reason: &'static str,
}

/// A participant, in or gone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Person<'a> {
    pub(crate) participant_id: String,
    pub(crate) connection_id: String,
    pub(crate) location: &'static str,
    pub(crate) platform: &'a str,
    pub(crate) client_data: &'a str,
    pub(crate) server_data: &'a str,
    #[serde(flatten)]
    pub(crate) span: Option<Span>,
}

/// A signal with its real receivers.
#[derive(Serialize)]
pub(crate) struct SignalSent<'a> {
    pub(crate) from: Option<String>,
    pub(crate) to: Vec<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) data: Option<Cow<'a, str>>,
}
