//! `/asyncapi.json`: made from the table that dispatches ([`methods`](crate::methods)).

use serde_json::{Map, Value, json};

use crate::errors::RpcError;
use crate::methods::{METHODS, Method, NOTICES, Notice, SchemaWithParts, schema_of};
use crate::rest::{BASE, PROTOCOL};
use crate::wire::notice::LogHead;

/// The document.
pub(crate) fn document(version: &str) -> Value {
    let mut parts = Parts::default();
    for method in METHODS {
        parts.method(method);
    }
    for notice in NOTICES {
        parts.notice(notice);
    }
    let error = parts.schema_of(schema_of::<RpcError<'_>>());
    parts.message("error", "The answer to a request that failed.", &json!({
        "type": "object",
        "required": ["jsonrpc", "id", "error"],
        "properties": { "jsonrpc": { "const": "2.0" }, "id": { "type": ["string", "number", "null"] }, "error": error },
    }));
    let channel_messages: Map<_, _> = parts
        .messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sidetalk",
            "version": version,
            "description": "JSON-RPC 2.0 without batches over one WebSocket. The words are explained in docs/api/native.md.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": format!("{BASE}/connect"),
                "description": format!("Subprotocol {PROTOCOL}, text frames."),
                "messages": channel_messages,
            },
        },
        "operations": parts.operations,
        "components": { "messages": parts.messages, "schemas": parts.schemas },
    })
}

#[derive(Default)]
struct Parts {
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Parts {
    fn method(&mut self, method: &Method) {
        let Method { name, summary, target, params, result } = method;
        let own = inline(params(), self);
        let params = with_target(own, target);
        let result = self.schema_of(result());
        let needs_params = params["required"].as_array().is_some_and(|fields| !fields.is_empty());
        let required =
            if needs_params { json!(["jsonrpc", "method", "params"]) } else { json!(["jsonrpc", "method"]) };
        let mut fields = json!({
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["string", "number"], "description": "Absent: no answer." },
            "method": { "const": name },
        });
        fields["params"] = params;
        let request = json!({ "type": "object", "required": required, "additionalProperties": false, "properties": fields });
        let answer = json!({
            "type": "object",
            "required": ["jsonrpc", "id", "result"],
            "properties": { "jsonrpc": { "const": "2.0" }, "id": { "type": ["string", "number"] }, "result": result },
        });
        self.message(name, summary, &request);
        self.message(&format!("{name}.result"), "The answer.", &answer);
        self.operations.insert(
            (*name).to_owned(),
            json!({
                "action": "receive",
                "summary": summary,
                "channel": { "$ref": "#/channels/socket" },
                "messages": [in_channel(name)],
                "reply": {
                    "channel": { "$ref": "#/channels/socket" },
                    "messages": [in_channel(&format!("{name}.result")), in_channel("error")],
                },
            }),
        );
    }

    fn notice(&mut self, notice: &Notice) {
        let Notice { name, summary, is_logged, params } = notice;
        let own = self.schema_of(params());
        let params = if *is_logged {
            let head = self.schema_of(schema_of::<LogHead<'_>>());
            json!({ "allOf": [head, own] })
        } else {
            own
        };
        let id = format!("{name}.notification");
        self.message(&id, summary, &json!({
            "type": "object",
            "required": ["jsonrpc", "method", "params"],
            "properties": { "jsonrpc": { "const": "2.0" }, "method": { "const": name }, "params": params },
        }));
        self.operations.insert(
            id.clone(),
            json!({
                "action": "send",
                "summary": summary,
                "channel": { "$ref": "#/channels/socket" },
                "messages": [in_channel(&id)],
            }),
        );
    }

    fn message(&mut self, id: &str, summary: &str, payload: &Value) {
        self.messages.insert(id.to_owned(), json!({ "name": id, "summary": summary, "payload": payload }));
    }

    /// Takes a schema and its parts in; gives a reference.
    fn schema_of(&mut self, schema: SchemaWithParts) -> Value {
        let name = schema.name.clone();
        let own = inline(schema, self);
        self.schemas.insert(name.clone(), own);
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }
}

/// Takes the parts of a schema in; gives the schema itself.
fn inline(schema: SchemaWithParts, parts: &mut Parts) -> Value {
    for (name, part) in schema.parts {
        parts.schemas.insert(name, value(&part));
    }
    value(&schema.schema)
}

fn value(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).expect("a schema is JSON")
}

/// The schema of a body with its target's fields.
fn with_target(mut body: Value, target: &[&str]) -> Value {
    if !body["properties"].is_object() {
        body = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    }
    let mut required: Vec<Value> = target.iter().map(|field| json!(field)).collect();
    required.extend(body["required"].as_array().into_iter().flatten().cloned());
    for field in target {
        body["properties"][field] = json!({ "type": "string" });
    }
    if !required.is_empty() {
        body["required"] = Value::Array(required);
    }
    body
}

fn in_channel(message: &str) -> Value {
    json!({ "$ref": format!("#/channels/socket/messages/{message}") })
}
