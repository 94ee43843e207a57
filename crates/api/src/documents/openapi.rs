//! `/openapi.json`: made from the handlers' own annotations.

use serde_json::{Value, json};
use utoipa::OpenApi as _;

use crate::rest::Handlers;

/// The document.
pub(crate) fn document(version: &str) -> Value {
    let mut document = serde_json::to_value(Handlers::openapi()).expect("the document is JSON");
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Sidetalk",
        "version": version,
        "description": "The chat of live sessions. The words are explained in docs/api/native.md.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["security"] = json!([{ "basic": [] }, { "bearer": [] }]);
    document["components"]["securitySchemes"] = json!({
        "basic": { "type": "http", "scheme": "basic", "description": "The project's key and secret: the server." },
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A user or server token." },
    });
    complete_responses(&mut document);
    document
}

/// Says once what handlers do not say for themselves: what an answer without a description means, which OpenAPI demands, and that
/// whatever asks the store can find it unavailable.
fn complete_responses(document: &mut Value) {
    let paths = document["paths"].as_object_mut().expect("an object of paths");
    let operations =
        paths.values_mut().filter_map(Value::as_object_mut).flat_map(serde_json::Map::values_mut);
    for responses in operations.filter_map(|operation| operation["responses"].as_object_mut()) {
        if let Some(refused) = responses.get("4XX").cloned() {
            responses.insert("503".to_owned(), refused);
        }
        for (status, response) in responses {
            let response = response.as_object_mut().expect("an object");
            response.entry("description").or_insert_with(|| meaning(status).into());
        }
    }
}

fn meaning(status: &str) -> &'static str {
    match status {
        "201" => "It was made.",
        "204" => "It is done; there is nothing to say of it.",
        "4XX" => "It was refused: `code` says why, and what to mend.",
        "503" => "The store cannot be asked at the moment (`unavailable`): try again later.",
        _ => "It is done.",
    }
}
