//! What travels on the socket. Both generations have the same names for different types, hence the macro.
//!
//! A module's data inside `join_success` and inside a participant are free-form to the outer type, and a client reads them
//! by its module's type afterwards. So does this: what a client would fail on later is refused here as well.

macro_rules! generation {
    ($name:ident, $chat:ident, $control:ident, $moderation:ident, $signaling:ident) => {
        pub(crate) mod $name {
            use serde::de::DeserializeOwned;
            use serde_json::Value;
            use serde_json::value::RawValue;
            use $chat::command::ChatCommand;
            use $chat::event::ChatEvent;
            use $chat::peer_state::ChatPeerState;
            use $chat::state::ChatState;
            use $control::WaitingRoomState;
            use $control::command::ControlCommand;
            use $control::event::{ControlEvent, JoinSuccess};
            use $control::state::ControlState;
            use $moderation::command::ModerationCommand;
            use $moderation::event::ModerationEvent;
            use $moderation::state::ModerationState;
            use $signaling::{NamespacedCommand, NamespacedEvent, Participant};

            type Verdict = Result<(), String>;

            /// `None` for a kind that does not exist.
            pub(crate) fn judge(kind: &str, document: &str) -> Option<Verdict> {
                Some(match kind {
                    "frame" => frame(document),
                    "command" => command(document),
                    "chat_state" => read::<ChatState>(document).map(drop),
                    "moderation_state" => moderation_state(document),
                    "participant" => {
                        read::<Participant>(document).and_then(|participant| person(&participant))
                    }
                    _ => return None,
                })
            }

            fn frame(document: &str) -> Verdict {
                let event: NamespacedEvent<Box<RawValue>> = read(document)?;
                let payload = event.payload.get();
                match event.module.to_string().as_str() {
                    "control" => control(payload),
                    "moderation" => moderation(&read(payload)?),
                    "chat" => read::<ChatEvent>(payload).map(drop),
                    // The payload is the client's own.
                    "echo" => Ok(()),
                    other => Err(format!("no type here reads the namespace {other}")),
                }
            }

            fn control(payload: &str) -> Verdict {
                match &read(payload)? {
                    ControlEvent::JoinSuccess(welcome) => join_success(welcome, &read(payload)?),
                    ControlEvent::Joined(participant) | ControlEvent::Update(participant) => {
                        person(participant)
                    }
                    _ => Ok(()),
                }
            }

            fn join_success(welcome: &JoinSuccess, bare: &Value) -> Verdict {
                let data = &welcome.module_data;
                data.get::<ChatState>().map_err(within("chat"))?.ok_or("chat is missing")?;
                data.get::<ModerationState>()
                    .map_err(within("moderation"))?
                    .ok_or("moderation is missing")?;
                moderation_state(&bare["moderation"].to_string())?;
                welcome.participants.iter().try_for_each(person)
            }

            /// What only moderators get is optional as a whole, and a mistake in it makes all of it vanish unnoticed.
            fn moderation_state(document: &str) -> Verdict {
                let state: ModerationState = read(document)?;
                let bare: serde_json::Map<String, Value> = read(document)?;
                let has_part = bare.keys().any(|key| key.starts_with("waiting_room_"));
                let Some(data) = &state.moderator_data else {
                    return if has_part {
                        Err("the part for moderators is there and cannot be read".to_owned())
                    } else {
                        Ok(())
                    };
                };
                data.waiting_room_participants.iter().try_for_each(person)
            }

            fn moderation(event: &ModerationEvent) -> Verdict {
                match event {
                    ModerationEvent::JoinedWaitingRoom(participant) => person(participant),
                    _ => Ok(()),
                }
            }

            /// A guest has no chat data. Somebody who waits may have a state of waiting.
            fn person(participant: &Participant) -> Verdict {
                let in_control = participant.get_module::<ControlState>();
                in_control
                    .map_err(within("a participant's control"))?
                    .ok_or("a participant has no control")?;
                participant.get_module::<ChatPeerState>().map_err(within("a participant's chat"))?;
                let waiting = participant.get_module::<WaitingRoomState>();
                waiting.map_err(within("a participant's waiting_room_state"))?;
                Ok(())
            }

            fn command(document: &str) -> Verdict {
                let command: NamespacedCommand<Box<RawValue>> = read(document)?;
                let payload = command.payload.get();
                match command.module.to_string().as_str() {
                    "control" => read::<ControlCommand>(payload).map(drop),
                    "moderation" => read::<ModerationCommand>(payload).map(drop),
                    "chat" => read::<ChatCommand>(payload).map(drop),
                    other => Err(format!("no type here reads the namespace {other}")),
                }
            }

            fn read<T: DeserializeOwned>(document: &str) -> Result<T, String> {
                serde_json::from_str(document).map_err(|error| error.to_string())
            }

            fn within(place: &'static str) -> impl Fn(serde_json::Error) -> String {
                move |error| format!("{place}: {error}")
            }
        }
    };
}

generation!(seed, seed_chat, seed_control, seed_moderation, seed_signaling);
generation!(new, new_chat, new_control, new_moderation, new_signaling);
