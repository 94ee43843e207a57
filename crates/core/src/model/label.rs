//! Under which signal type a message is shown where there are only signals.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Audience, Dialect, Message, SignalType};

/// For each dialect, the signal type under which its people last sent chat in a room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Labels(Arc<BTreeMap<Dialect, SignalType>>);

impl Labels {
    /// The labels of these dialects.
    pub fn new(labels: impl IntoIterator<Item = (Dialect, SignalType)>) -> Self {
        Self(Arc::new(labels.into_iter().collect()))
    }

    /// The type under which people of `dialect` get `message`: as it was sent if one of them sent it, else the one that
    /// they last used. `None`: nobody of them has used one yet.
    pub fn shown<'a>(&'a self, dialect: Dialect, message: &'a Message) -> Option<&'a SignalType> {
        if message.sender.dialect == Some(dialect) {
            return message.label.as_ref();
        }
        self.0.get(&dialect)
    }

    /// The dialects and their types.
    pub fn iter(&self) -> impl Iterator<Item = (Dialect, &SignalType)> {
        self.0.iter().map(|(dialect, label)| (*dialect, label))
    }

    /// Takes note of a message to all. Says whether anything changed.
    pub(crate) fn note(&mut self, message: &Message) -> bool {
        // What is said in private is not shown to all, and is no sign of how this dialect's people chat.
        if message.audience != Audience::Room {
            return false;
        }
        let (Some(dialect), Some(label)) = (message.sender.dialect, &message.label) else { return false };
        if self.0.get(&dialect) == Some(label) {
            return false;
        }
        Arc::make_mut(&mut self.0).insert(dialect, label.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use uuid::Uuid;

    use super::super::{MessageId, Sender, Seq, Timestamp};
    use super::*;

    const DIALECTS: [Dialect; 3] = [Dialect::new("left"), Dialect::new("right"), Dialect::new("third")];

    fn message(dialect: Option<Dialect>, label: Option<&str>) -> Message {
        Message {
            id: MessageId::from_uuid(Uuid::nil()),
            seq: Seq(1),
            sender: Sender { user: None, name: "server".into(), connection: None, dialect },
            audience: Audience::Room,
            addressee: None,
            parts: Vec::new(),
            mentions: Vec::new(),
            reply_to: None,
            label: label.map(|label| SignalType::new(label).expect("a valid type")),
            client_id: None,
            posted_at: Timestamp::default(),
            edited_at: None,
            deleted_at: None,
            pin: None,
            reactions: Vec::new(),
        }
    }

    /// Notes `dialect type` lines in order; says after each who gets that message under which type.
    #[track_caller]
    fn check(script: &str, expected: &Expect) {
        let mut labels = Labels::default();
        let mut seen = String::new();
        for line in script.lines().map(str::trim) {
            let (by, label) = line.split_once(' ').expect("a dialect and a type");
            let dialect = DIALECTS.into_iter().find(|dialect| dialect.as_str() == by);
            let message = message(dialect, Some(label).filter(|label| *label != "-"));
            let changed = if labels.note(&message) { "" } else { " (no news)" };
            let shown = |dialect| labels.shown(dialect, &message).map_or("-", SignalType::as_str);
            let shown = DIALECTS.map(|dialect| format!("{} {}", dialect.as_str(), shown(dialect)));
            seen.push_str(&format!("{line}: {}{changed}\n", shown.join(", ")));
        }
        expected.assert_eq(&seen);
    }

    #[test]
    fn everybody_gets_a_message_under_the_type_of_their_own_dialect() {
        check(
            "left chat
             right msg
             left chat
             third text
             right chat
             left msg",
            &expect![[r#"
                left chat: left chat, right -, third -
                right msg: left chat, right msg, third -
                left chat: left chat, right msg, third - (no news)
                third text: left chat, right msg, third text
                right chat: left chat, right chat, third text
                left msg: left msg, right chat, third text
            "#]],
        );
    }

    #[test]
    fn what_has_no_type_or_no_dialect_is_not_noted() {
        check(
            "left -
             nobody chat
             left chat
             left -
             nobody -",
            &expect![[r#"
                left -: left -, right -, third - (no news)
                nobody chat: left -, right -, third - (no news)
                left chat: left chat, right -, third -
                left -: left -, right -, third - (no news)
                nobody -: left chat, right -, third - (no news)
            "#]],
        );
    }

    #[test]
    fn a_copy_does_not_change_with_the_original() {
        let mut labels = Labels::new([(DIALECTS[0], SignalType::new("chat").expect("a valid type"))]);
        let before = labels.clone();
        assert!(labels.note(&message(Some(DIALECTS[0]), Some("msg"))));
        assert_ne!(labels, before);
        assert_eq!(before.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(), ["chat"]);
    }
}
