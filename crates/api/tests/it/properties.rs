//! Whatever comes in, nothing panics, and what is answered is JSON.

use proptest::prelude::*;
use sidetalk_api::from_wire::decode_request;
use sidetalk_api::token::{self, NoKeys};
use sidetalk_core::event::{Entry, Event, Happening, Moment};
use sidetalk_core::model::{
    Audience, ClientId, ConnectionId, Dialect, Epoch, Labels, Message, MessageId, Part, Pin, ProjectId,
    Reaction, RoomKey, RoomName, Sender, Seq, Signal, SignalData, SignalType, TextFormat, Timestamp, UserId,
};

use crate::app::{PROJECT, SECRET, START, project};

/// Pieces of requests, so that chance gets further than the first character.
fn fragments() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "null",
        "true",
        "1e999",
        "-0",
        "0.1",
        "\"jsonrpc\":\"2.0\"",
        "\"id\":1",
        "\"id\":null",
        "\"method\":\"message.post\"",
        "\"method\":\"signal.send\"",
        "\"method\":\"room.join\"",
        "\"params\":{",
        "\"room\":\"r\"",
        "\"text\":\"hi\"",
        "\"data\":",
        "\"to\":",
        "\"type\":\"users\"",
        "\"users\":[\"a\"]",
        "\"audience\":",
        "ä",
        "\u{2028}",
        " ",
        "99999999999999999999",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = decode_request(&text);
    }

    #[test]
    fn arbitrary_fragments_never_panic(text in fragments()) {
        let _ = decode_request(&text);
    }

    #[test]
    fn arbitrary_params_never_panic(method in prop::sample::select(sidetalk_api::methods::METHODS), params in fragments()) {
        let name = method.name;
        let _ = decode_request(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{name}","params":{{{params}}}}}"#));
    }

    #[test]
    fn nesting_is_bounded(depth in 0_usize..200, open in prop::sample::select(vec!["[", "{\"a\":"])) {
        let params = open.repeat(depth);
        let close = if open == "[" { "]" } else { "}" }.repeat(depth);
        let data = format!("{params}1{close}");
        let text = format!(r#"{{"jsonrpc":"2.0","method":"signal.send","params":{{"room":"r","data":{data}}}}}"#);
        prop_assert_eq!(decode_request(&text).is_ok(), depth + 2 <= 32);
    }

    #[test]
    fn arbitrary_tokens_never_panic_nor_pass(text in any::<String>(), parts in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..5)) {
        let project = project(PROJECT, SECRET);
        for token in [text, parts.join(".")] {
            prop_assert!(token::verify(&token, Some(&project), &NoKeys, START).is_err());
            let _ = token::inspect(&token);
        }
    }

    #[test]
    fn a_signal_is_rendered_as_its_shape_says(
        room in "[^\\x00-\\x1f\\x7f]{1,40}",
        name in any::<String>(),
        kind in prop::option::of("[^\\x00-\\x1f\\x7f]{1,20}"),
        text in any::<String>(),
        number in any::<i64>(),
        private in any::<bool>(),
        by_server in any::<bool>(),
    ) {
        let user = UserId::new("a\"b").unwrap();
        let connection = ConnectionId::from_uuid(uuid::Uuid::from_u128(7));
        for data in [SignalData::Text(text.as_str().into()), SignalData::Json(format!("{{\"n\": {number}}}").into())] {
            let room = RoomKey { project: ProjectId::new(1).unwrap(), name: RoomName::new(&room).unwrap() };
            let from = Sender {
                user: (!by_server).then(|| user.clone()),
                name: name.as_str().into(),
                connection: (!by_server).then_some(connection),
                dialect: private.then_some(Dialect::new("other")),
            };
            let to = if private { Audience::users([user.clone()]) } else { Audience::Room };
            let kind = kind.as_deref().map(|kind| SignalType::new(kind).unwrap());
            let moment = Moment::Signalled { from, signal: Signal { kind, data, to } };
            let frame = sidetalk_api::face().render(Happening::Moment { room: &room, moment: &moment }).unwrap();
            let Moment::Signalled { from, signal, .. } = &moment else { unreachable!() };
            let expected = serde_json::json!({
                "jsonrpc": "2.0",
                "method": "signal",
                "params": sidetalk_api::to_wire::signal_notice(&room, from, signal),
            });
            prop_assert_eq!(payload(&frame), expected);
        }
    }

    #[test]
    fn a_message_is_rendered_as_its_shape_says(
        words in any::<String>(),
        name in any::<String>(),
        private in any::<bool>(),
        by_server in any::<bool>(),
        touched in any::<bool>(),
        custom in any::<bool>(),
        seq in any::<u64>(),
        micros in any::<i64>(),
    ) {
        let user = UserId::new("a\"b").unwrap();
        let at = Timestamp::from_micros(micros);
        let id = MessageId::from_uuid(uuid::Uuid::from_u128(u128::from(seq)));
        let from = Sender {
            user: (!by_server).then(|| user.clone()),
            name: name.as_str().into(),
            connection: (!by_server).then(|| ConnectionId::from_uuid(uuid::Uuid::from_u128(7))),
            dialect: private.then_some(Dialect::new("other")),
        };
        let mut parts = vec![Part::Text { text: words.as_str().into(), format: TextFormat::Markdown }];
        if custom {
            parts.push(Part::Custom("{\"a\": [1]}".into()));
        }
        let message = Message {
            id,
            seq: Seq(seq),
            sender: from.clone(),
            audience: if private { Audience::users([user.clone()]) } else { Audience::Room },
            addressee: None,
            parts,
            mentions: if touched { vec![user.clone()] } else { Vec::new() },
            reply_to: touched.then_some(id),
            label: touched.then(|| SignalType::new("\"chat\"").unwrap()),
            client_id: touched.then(|| ClientId::new("\\c1").unwrap()),
            posted_at: at,
            edited_at: touched.then_some(at),
            deleted_at: touched.then_some(at),
            pin: touched.then(|| Pin { by: Some(user.clone()), at }),
            reactions: if touched { vec![Reaction { emoji: words.as_str().into(), users: vec![user.clone(); 60] }] } else { Vec::new() },
        };
        let room = RoomKey { project: ProjectId::new(1).unwrap(), name: RoomName::new("a\"b").unwrap() };
        let audience = message.audience.clone();
        let entry = Entry { seq: Seq(seq), at, by: from, audience, event: Event::MessagePosted(message.into()) };
        let happening = Happening::Entry {
            room: &room,
            epoch: Epoch(seq),
            labels: &Labels::default(),
            entry: &entry,
            is_here: true,
        };
        let frame = sidetalk_api::face().render(happening).unwrap();
        let mut expected = serde_json::to_value(sidetalk_api::to_wire::event_notice(&room, Epoch(seq), &entry)).unwrap();
        expected["jsonrpc"] = "2.0".into();
        prop_assert_eq!(payload(&frame), expected);
    }
}

/// What a frame carries.
fn payload(frame: &[u8]) -> serde_json::Value {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    serde_json::from_slice(&frame[header..]).expect("JSON")
}
