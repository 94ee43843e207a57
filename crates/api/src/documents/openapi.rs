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
    document
}
