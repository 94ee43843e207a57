//! The documents are complete: every route, method, notification and error stands in the machine-readable ones and in
//! `docs/api/native.md`.

use axum::body::Body;
use http::Request;
use serde_json::Value;
use sidetalk_api::errors::CATALOGUE;
use sidetalk_api::methods::{METHODS, NOTICES};
use sidetalk_api::rest::ROUTES;
use tower::ServiceExt as _;

use crate::app::App;

fn contract() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api/native.md");
    std::fs::read_to_string(path).unwrap()
}

async fn fetch(app: &App, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(
        response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
    );
    let body = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn every_route_is_in_openapi() {
    let app = App::new().await;
    let document: Value = serde_json::from_str(&fetch(&app, "/openapi.json").await).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut documented = 0;
    for item in document["paths"].as_object().unwrap().values() {
        documented += item.as_object().unwrap().len();
    }
    for (method, path) in ROUTES {
        let operation = &document["paths"][format!("/api/v1{path}")][*method];
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{method} {path} {status}");
        }
    }
    assert_eq!(documented, ROUTES.len());
    references_lead_somewhere(&document, &document);
    app.shut_down().await;
}

#[tokio::test]
async fn every_method_and_notification_is_in_asyncapi() {
    let app = App::new().await;
    let document: Value = serde_json::from_str(&fetch(&app, "/asyncapi.json").await).unwrap();
    assert_eq!(document["asyncapi"], "3.0.0");
    for method in METHODS {
        let operation = &document["operations"][method.name];
        assert_eq!(operation["action"], "receive", "{}", method.name);
        let params = &document["components"]["messages"][method.name]["payload"]["properties"]["params"];
        for field in method.target {
            assert!(params["properties"][field].is_object(), "{} {field}: {params}", method.name);
        }
    }
    for notice in NOTICES {
        assert_eq!(document["operations"][format!("{}.notification", notice.name)]["action"], "send");
    }
    assert_eq!(document["operations"].as_object().unwrap().len(), METHODS.len() + NOTICES.len());
    references_lead_somewhere(&document, &document);
    let page = fetch(&app, "/docs").await;
    assert!(
        !page.contains("<script") && page.contains("message.posted") && page.contains("/api/v1/rooms/{room}")
    );
    app.shut_down().await;
}

fn references_lead_somewhere(value: &Value, document: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(to)) = fields.get("$ref") {
                let pointer = to.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{to} leads nowhere");
            }
            fields.values().for_each(|field| references_lead_somewhere(field, document));
        }
        Value::Array(items) => items.iter().for_each(|item| references_lead_somewhere(item, document)),
        _ => {}
    }
}

#[test]
fn everything_is_in_the_contract() {
    let contract = contract();
    for method in METHODS {
        assert!(contract.contains(&format!("`{}`", method.name)), "method {}", method.name);
    }
    for notice in NOTICES {
        assert!(contract.contains(&format!("`{}`", notice.name)), "notification {}", notice.name);
    }
    for entry in CATALOGUE {
        assert!(contract.contains(&format!("`{}`", entry.code)), "error {}", entry.code);
    }
    // The contract writes ids as `{id}` and leaves common beginnings away; the last fixed word of each route is in it.
    for (method, path) in ROUTES {
        let word = path.split('/').rfind(|word| !word.is_empty() && !word.starts_with('{')).unwrap();
        assert!(contract.contains(word), "route {method} {path}");
        assert!(contract.contains(&method.to_uppercase()), "{method}");
    }
}

#[test]
fn every_method_and_notification_is_in_a_transcript() {
    let mut all = String::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/golden")).unwrap() {
        all.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    for method in METHODS {
        assert!(all.contains(&format!("\"method\":\"{}\"", method.name)), "method {}", method.name);
    }
    // These take time or an operator; `sockets.rs` has them.
    let elsewhere = ["token.expiring", "server.draining"];
    for notice in NOTICES.iter().filter(|notice| !elsewhere.contains(&notice.name)) {
        assert!(
            all.contains(&format!("< {{\"jsonrpc\":\"2.0\",\"method\":\"{}\"", notice.name)),
            "{}",
            notice.name
        );
    }
}
