//! How each server is spoken to: the way into a room, and a message to it.

use std::net::SocketAddr;

use anyhow::Result;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::frame;
use crate::{opentalk, opentok, openvidu, token};

/// One generated user.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    pub user: String,
    pub room: String,
    /// What lets it in, if somebody had to be asked for that before: see [`Dialect::prepare`].
    pub token: String,
    /// How many messages it wants to see on joining, and must then get (Sidetalk only).
    pub history: usize,
}

/// Members for `rooms` rooms of `size`, room by room.
pub(crate) fn members(rooms: usize, size: usize, history: usize) -> Vec<Member> {
    let member = |index: usize| Member {
        user: format!("user-{index:05}"),
        room: room(index / size),
        history,
        ..Member::default()
    };
    (0..rooms * size).map(member).collect()
}

pub(crate) fn room(index: usize) -> String {
    format!("room-{index:04}")
}

/// The words of a server.
#[derive(Clone, Debug)]
pub(crate) enum Dialect {
    Raw,
    SocketIo,
    Sidetalk {
        key: String,
        secret: String,
        /// When the tokens end, seconds since 1970.
        expires_s: u64,
        /// Messages, which are stored before anybody gets them, in place of signals.
        posts: bool,
    },
    /// Sidetalk in the words of OpenVidu 2.x.
    OpenVidu {
        secret: String,
    },
    /// Sidetalk as the drop-in script of OpenTok's pages speaks to it.
    OpenTok {
        key: String,
        secret: String,
    },
    /// Sidetalk in the words of OpenTalk. It knows no signals: its messages are stored before anybody gets them.
    OpenTalk,
}

/// What a text means to somebody on the way into a room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Wait,
    Say(String),
    Joined,
    Refused(String),
}

/// The begin of the answer to `room.join`, and of all answers.
const JOIN_ANSWER: &[u8] = br#"{"jsonrpc":"2.0","id":2,"result":"#;
const ANSWER: &[u8] = br#"{"jsonrpc":"2.0","id":"#;
/// The answer to a signal of a page of OpenTok's.
const OPENTOK_SEND_ANSWER: &[u8] = br#"{"jsonrpc":"2.0","id":3,"result":"#;
/// The same of OpenVidu's `joinRoom` and `sendMessage`, and what those inside hear of every newcomer.
const OPENVIDU_JOIN_ANSWER: &[u8] = br#"{"id":1,"result":"#;
const OPENVIDU_SEND_ANSWER: &[u8] = br#"{"id":2,"result":"#;
const OPENVIDU_NEWCOMER: &[u8] = br#"{"method":"participantJoined""#;
/// What those inside hear of every newcomer, if they ask for presence.
const NEWCOMER: &[u8] = br#"{"jsonrpc":"2.0","method":"presence.joined""#;
const OPENTALK_CONTROL: &[u8] = br#"{"namespace":"control""#;
const OPENTALK_JOINED: &[u8] = br#""payload":{"message":"join_success""#;

impl Dialect {
    /// What must be asked for over HTTP before the members can come. It may change the names of their rooms.
    pub(crate) fn prepare(&self, address: SocketAddr, members: &mut [Member]) -> Result<()> {
        match self {
            Dialect::Raw | Dialect::SocketIo | Dialect::Sidetalk { .. } => Ok(()),
            Dialect::OpenVidu { secret } => openvidu::promise(address, secret, members),
            Dialect::OpenTok { key, secret } => opentok::admit(address, key, secret, members),
            Dialect::OpenTalk => opentalk::invite(address, members),
        }
    }

    /// The HTTP request that opens the socket.
    pub(crate) fn upgrade(&self, member: &Member) -> String {
        let native = || ("/api/v1/connect".to_owned(), "sidetalk.v1".to_owned());
        let (path, protocol) = match self {
            Dialect::Raw => (format!("/{}", member.room), String::new()),
            Dialect::SocketIo => ("/socket.io/?EIO=4&transport=websocket".to_owned(), String::new()),
            Dialect::Sidetalk { .. } | Dialect::OpenTok { .. } => native(),
            Dialect::OpenVidu { .. } => (format!("/openvidu?sessionId={}", member.room), String::new()),
            Dialect::OpenTalk => {
                ("/signaling".to_owned(), format!("opentalk-signaling-json-v1.0, ticket#{}", member.token))
            }
        };
        let protocol = match &*protocol {
            "" => protocol,
            _ => format!("Sec-WebSocket-Protocol: {protocol}\r\n"),
        };
        format!(
            "GET {path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{protocol}Sec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
    }

    /// What is said as soon as the socket is open. `Joined` if nothing more is needed.
    pub(crate) fn greet(&self, member: &Member) -> Vec<Step> {
        match self {
            Dialect::Raw => vec![Step::Joined],
            Dialect::SocketIo => vec![],
            Dialect::Sidetalk { key, secret, expires_s, .. } => {
                let token = token::moderator(key, secret, &member.user, *expires_s);
                // Requests of one socket are answered in order, so the second need not wait for the first.
                vec![
                    Step::Say(format!(
                        r#"{{"jsonrpc":"2.0","id":1,"method":"connect","params":{{"token":"{token}"}}}}"#
                    )),
                    Step::Say(format!(
                        r#"{{"jsonrpc":"2.0","id":2,"method":"room.join","params":{{"room":"{}","history":{},"presence":false}}}}"#,
                        member.room, member.history
                    )),
                ]
            }
            // One ping that promises the next in a minute: the server is patient for three, longer than a round takes.
            Dialect::OpenVidu { .. } => vec![
                Step::Say(
                    r#"{"jsonrpc":"2.0","method":"ping","params":{"interval":60000},"id":0}"#.to_owned(),
                ),
                Step::Say(format!(
                    r#"{{"jsonrpc":"2.0","method":"joinRoom","id":1,"params":{{"token":"{}","session":"{}","platform":"bench","sdkVersion":"2.32.2","metadata":"{}","secret":"","recorder":false}}}}"#,
                    member.token, member.room, member.user
                )),
            ],
            // The script wants to know who is there, and its place kept when the line is lost.
            Dialect::OpenTok { .. } => vec![
                Step::Say(format!(
                    r#"{{"jsonrpc":"2.0","id":1,"method":"connect","params":{{"token":"{}","client":"sidetalk-opentok/0.1 sidetalk-client/0.1.0","keep_s":30,"received":0}}}}"#,
                    member.token
                )),
                Step::Say(format!(
                    r#"{{"jsonrpc":"2.0","id":2,"method":"room.join","params":{{"room":"{}","history":0}}}}"#,
                    member.room
                )),
            ],
            Dialect::OpenTalk => vec![Step::Say(format!(
                r#"{{"namespace":"control","payload":{{"action":"join","display_name":"{}"}}}}"#,
                member.user
            ))],
        }
    }

    /// What a text means before the member has joined.
    pub(crate) fn next(&self, member: &Member, text: &[u8]) -> Step {
        match self {
            Dialect::Raw => Step::Wait,
            Dialect::SocketIo => match text {
                [b'0', ..] => Step::Say("40".to_owned()),
                [b'4', b'0', ..] => Step::Say(format!(r#"42["join","{}"]"#, member.room)),
                [b'4', b'2', rest @ ..] if rest.starts_with(b"[\"joined\"") => Step::Joined,
                [b'4', b'4', ..] => Step::Refused(String::from_utf8_lossy(text).into_owned()),
                _ => Step::Wait,
            },
            Dialect::Sidetalk { .. } if text.starts_with(JOIN_ANSWER) => match frame::marks(text) {
                // Messages that are posted while somebody joins come as notifications.
                found if found != member.history => Step::Refused(format!(
                    "joined with {found} messages of history instead of {}",
                    member.history
                )),
                _ => Step::Joined,
            },
            Dialect::OpenTok { .. } if text.starts_with(JOIN_ANSWER) => Step::Joined,
            Dialect::OpenVidu { .. } if text.starts_with(OPENVIDU_JOIN_ANSWER) => Step::Joined,
            Dialect::Sidetalk { .. } | Dialect::OpenTok { .. } | Dialect::OpenVidu { .. } => {
                refusal(text).map_or(Step::Wait, Step::Refused)
            }
            Dialect::OpenTalk if memchr::memmem::find(text, OPENTALK_JOINED).is_some() => Step::Joined,
            // Others come before one's own welcome is there.
            Dialect::OpenTalk if memchr::memmem::find(text, br#""message":"joined""#).is_some() => Step::Wait,
            Dialect::OpenTalk => Step::Refused(String::from_utf8_lossy(text).into_owned()),
        }
    }

    /// A message to the room, in two parts around its payload.
    pub(crate) fn publish(&self, room: &str) -> (String, &'static str) {
        match self {
            Dialect::Raw => (String::new(), ""),
            Dialect::SocketIo => (r#"42["m",""#.to_owned(), r#""]"#),
            Dialect::Sidetalk { posts: false, .. } => (
                format!(
                    r#"{{"jsonrpc":"2.0","method":"signal.send","params":{{"room":"{room}","type":"bench","data":""#
                ),
                r#""}}"#,
            ),
            Dialect::Sidetalk { posts: true, .. } => (
                format!(r#"{{"jsonrpc":"2.0","method":"message.post","params":{{"room":"{room}","text":""#),
                r#""}}"#,
            ),
            Dialect::OpenVidu { .. } => (
                r#"{"jsonrpc":"2.0","method":"sendMessage","params":{"message":"{\"to\":[],\"data\":\""#
                    .to_owned(),
                r#"\",\"type\":\"signal:bench\"}"},"id":2}"#,
            ),
            // A page must learn whether its signal was taken.
            Dialect::OpenTok { .. } => (
                format!(
                    r#"{{"jsonrpc":"2.0","id":3,"method":"signal.send","params":{{"room":"{room}","type":"bench","data":""#
                ),
                r#""}}"#,
            ),
            Dialect::OpenTalk => (
                r#"{"namespace":"chat","payload":{"action":"send_message","scope":"global","content":""#
                    .to_owned(),
                r#""}}"#,
            ),
        }
    }

    /// The answer to a text that only asks whether we are alive.
    pub(crate) fn alive(&self, text: &[u8]) -> Option<&'static str> {
        (matches!(self, Dialect::SocketIo) && text == b"2").then_some("3")
    }

    /// Whether a text to somebody in a room is no delivery, and rightly so.
    pub(crate) fn is_aside(&self, text: &[u8]) -> bool {
        match self {
            Dialect::OpenVidu { .. } => {
                text.starts_with(OPENVIDU_SEND_ANSWER) || text.starts_with(OPENVIDU_NEWCOMER)
            }
            Dialect::OpenTok { .. } => text.starts_with(OPENTOK_SEND_ANSWER) || text.starts_with(NEWCOMER),
            Dialect::OpenTalk => text.starts_with(OPENTALK_CONTROL),
            Dialect::Raw | Dialect::SocketIo | Dialect::Sidetalk { .. } => false,
        }
    }
}

/// The request that a text answers, with its refusal if it is one.
pub(crate) fn answered(text: &[u8]) -> Option<(u64, Option<String>)> {
    let digits = text.strip_prefix(ANSWER)?;
    let id = digits
        .iter()
        .take_while(|digit| digit.is_ascii_digit())
        .fold(0, |id, digit| id * 10 + u64::from(digit - b'0'));
    Some((id, refusal(text)))
}

/// The error in a text of Sidetalk, if it has one.
pub(crate) fn refusal(text: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        error: Option<&'a RawValue>,
    }
    memchr::memmem::find(text, b"\"error\":")?;
    let answer: Answer<'_> = serde_json::from_slice(text).ok()?;
    answer.error.map(|error| error.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_refusals() {
        assert_eq!(answered(br#"{"jsonrpc":"2.0","id":71,"result":{}}"#), Some((71, None)));
        let refused = br#"{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"data":{"code":"muted"}}}"#;
        assert_eq!(
            answered(refused),
            Some((7, Some(r#"{"code":-32000,"data":{"code":"muted"}}"#.to_owned())))
        );
        assert_eq!(answered(br#"{"jsonrpc":"2.0","method":"signal","params":{"data":"BENCH:"}}"#), None);
    }

    #[test]
    fn a_join_must_bring_the_history_that_was_asked_for() {
        let dialect = Dialect::Sidetalk { key: "1".into(), secret: "s".into(), expires_s: 1, posts: false };
        let member = Member { history: 1, ..Member::default() };
        let join =
            |history: &str| dialect.next(&member, [JOIN_ANSWER, history.as_bytes()].concat().as_slice());
        assert_eq!(join(r#"{"text":"BENCH:"}}"#), Step::Joined);
        assert!(matches!(join("{}}"), Step::Refused(_)));
    }

    #[test]
    fn what_openvidu_says_beside_deliveries_is_known() {
        let dialect = Dialect::OpenVidu { secret: "s".into() };
        let next = |text: &str| dialect.next(&Member::default(), text.as_bytes());
        assert_eq!(next(r#"{"id":0,"result":{"value":"pong"},"jsonrpc":"2.0"}"#), Step::Wait);
        assert_eq!(next(r#"{"id":1,"result":{"id":"con_A"},"jsonrpc":"2.0"}"#), Step::Joined);
        let refused = r#"{"id":1,"error":{"code":401,"message":"m"},"jsonrpc":"2.0"}"#;
        assert!(matches!(next(refused), Step::Refused(_)));

        let is_aside = |text: &str| dialect.is_aside(text.as_bytes());
        assert!(is_aside(r#"{"id":2,"result":{},"jsonrpc":"2.0"}"#));
        assert!(is_aside(r#"{"method":"participantJoined","params":{},"jsonrpc":"2.0"}"#));
        assert!(!is_aside(r#"{"id":2,"error":{"code":10,"message":"m"},"jsonrpc":"2.0"}"#));
        assert!(!is_aside(r#"{"method":"sendMessage","params":{"data":"BENCH:"},"jsonrpc":"2.0"}"#));
        assert!(!is_aside(r#"{"method":"participantLeft","params":{},"jsonrpc":"2.0"}"#));
    }

    #[test]
    fn what_opentok_says_beside_deliveries_is_known() {
        let dialect = Dialect::OpenTok { key: "1".into(), secret: "s".into() };
        let next = |text: &str| dialect.next(&Member::default(), text.as_bytes());
        assert_eq!(next(r#"{"jsonrpc":"2.0","id":1,"result":{"connection":"c"}}"#), Step::Wait);
        assert_eq!(next(r#"{"jsonrpc":"2.0","id":2,"result":{"resume":"none"}}"#), Step::Joined);
        assert!(matches!(next(r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32000}}"#), Step::Refused(_)));

        let is_aside = |text: &str| dialect.is_aside(text.as_bytes());
        assert!(is_aside(r#"{"jsonrpc":"2.0","id":3,"result":{}}"#));
        assert!(is_aside(r#"{"jsonrpc":"2.0","method":"presence.joined","params":{}}"#));
        assert!(!is_aside(r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000}}"#));
        assert!(!is_aside(r#"{"jsonrpc":"2.0","method":"signal","params":{"data":"BENCH:"}}"#));
    }

    #[test]
    fn what_opentalk_says_beside_deliveries_is_known() {
        let next = |text: &str| Dialect::OpenTalk.next(&Member::default(), text.as_bytes());
        let control = |message: &str| {
            format!(
                r#"{{"namespace":"control","timestamp":"t","payload":{{"message":"{message}","id":"i"}}}}"#
            )
        };
        assert_eq!(next(&control("join_success")), Step::Joined);
        assert_eq!(next(&control("joined")), Step::Wait);
        assert!(matches!(next(&control("error")), Step::Refused(_)));

        let is_aside = |text: &str| Dialect::OpenTalk.is_aside(text.as_bytes());
        assert!(is_aside(&control("joined")));
        assert!(!is_aside(r#"{"namespace":"chat","timestamp":"t","payload":{"message":"message_sent"}}"#));
    }

    #[test]
    fn every_message_is_json() {
        let sidetalk = |posts| Dialect::Sidetalk { key: "1".into(), secret: "s".into(), expires_s: 1, posts };
        let opentok = Dialect::OpenTok { key: "1".into(), secret: "s".into() };
        for dialect in [sidetalk(false), sidetalk(true), opentok, Dialect::OpenTalk] {
            let (prefix, suffix) = dialect.publish("r");
            let text = format!("{prefix}BENCH:{suffix}");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_message_to_openvidu_is_json_in_a_text() {
        let (prefix, suffix) = Dialect::OpenVidu { secret: "s".into() }.publish("r");
        let request: serde_json::Value = serde_json::from_str(&format!("{prefix}BENCH:{suffix}")).unwrap();
        let signal: serde_json::Value =
            serde_json::from_str(request["params"]["message"].as_str().unwrap()).unwrap();
        assert_eq!(signal, serde_json::json!({"to": [], "data": "BENCH:", "type": "signal:bench"}));
    }
}
