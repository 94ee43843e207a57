//! The readers of the OpenTalk dialect must understand every text in one way, in both generations.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use sidetalk_opentalk::fuzzing::understood;

/// The modules, and what names nothing.
const NAMESPACES: [&str; 5] = ["control", "chat", "moderation", "echo", "livekit"];

/// The text is taken for a frame, for a command of each module, for a message, a name and a time, for each body of a request, and
/// for what a token carries.
///
/// # Panics
///
/// When reading does, when the same text is read in two ways, when the generations differ in more than the commands of one of them,
/// or when what is kept of a text or a name is more than fits.
pub fn opentalk_request(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert_eq!(understood(text), understood(text), "the same text was read in two ways");
    if let Ok(payload) = serde_json::from_str::<&RawValue>(text) {
        for namespace in NAMESPACES {
            let _ = understood(&format!(r#"{{"namespace":"{namespace}","payload":{payload}}}"#));
        }
    }
    let said = json!({ "action": "send_message", "scope": "global", "content": text });
    let _ = understood(&frame(&said));
    let renamed = json!({ "action": "join", "display_name": text });
    let _ = understood(&frame(&renamed));
}

fn frame(payload: &Value) -> String {
    let namespace = if payload["action"] == "join" { "control" } else { "chat" };
    json!({ "namespace": namespace, "payload": payload }).to_string()
}
