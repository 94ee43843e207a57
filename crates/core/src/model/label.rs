//! Under which signal type a message is shown where there are only signals.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Dialect, Message, SignalType};

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

    /// Takes note of a message. Says whether anything changed.
    pub(crate) fn note(&mut self, message: &Message) -> bool {
        let (Some(dialect), Some(label)) = (message.sender.dialect, &message.label) else { return false };
        if self.0.get(&dialect) == Some(label) {
            return false;
        }
        Arc::make_mut(&mut self.0).insert(dialect, label.clone());
        true
    }
}
