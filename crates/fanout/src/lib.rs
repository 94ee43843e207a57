//! How nodes tell each other that something happened. A hint, at most once: what counts is in the store.
//!
//! This crate knows no rooms, no wire formats and no connections; it moves [`Hint`]s to the one who attached.
//!
//! Start reading at [`Local`]. To add an engine: 1. implement [`Fanout`] in a file of its own, 2. let it pass the tests
//! below, 3. let `server` choose it by configuration.

use std::sync::{Arc, OnceLock};

use sidetalk_core::ports::{Fanout, Hint, HintSink};

/// The engine of a single node: a hint is given to the sink in the call that publishes it.
#[derive(Default)]
pub struct Local {
    sink: OnceLock<Arc<dyn HintSink>>,
}

impl Local {
    /// An engine to which nobody is attached yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }
}

impl Fanout for Local {
    fn publish(&self, hint: Hint) {
        // Before the sink is attached nobody can have missed anything.
        if let Some(sink) = self.sink.get() {
            sink.hint(hint);
        }
    }

    fn attach(&self, sink: Arc<dyn HintSink>) {
        assert!(self.sink.set(sink).is_ok(), "a fan-out has one sink");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use sidetalk_core::model::{Epoch, ProjectId, RoomKey, RoomName};

    use super::*;

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl HintSink for Notes {
        fn hint(&self, hint: Hint) {
            if let Hint::Deleted { room, .. } = hint {
                self.0.lock().expect("no test panics while noting").push(room.name.to_string());
            }
        }
    }

    fn deleted(name: &str) -> Hint {
        let project = ProjectId::new(1).expect("a valid key");
        Hint::Deleted {
            room: RoomKey { project, name: RoomName::new(name).expect("a valid name") },
            epoch: Epoch(1),
        }
    }

    #[test]
    fn hints_arrive_in_order_once_attached() {
        let fanout = Local::new();
        fanout.publish(deleted("nobody listens yet"));
        let notes = Arc::new(Notes::default());
        fanout.attach(Arc::clone(&notes) as Arc<dyn HintSink>);
        fanout.publish(deleted("a"));
        fanout.publish(deleted("b"));
        assert_eq!(*notes.0.lock().expect("no test panics while noting"), ["a", "b"]);
    }
}
