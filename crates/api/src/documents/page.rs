//! `/docs`: the two documents as one page. Made on the server: no script, nothing from elsewhere.

use std::fmt::Write as _;

use serde_json::Value;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1c2430;background:#fff}\
h1{margin-bottom:0}h2{margin-top:2.5rem;border-bottom:1px solid #d8dee6}details{border-bottom:1px solid #eef1f4;padding:.35rem 0}\
summary{cursor:pointer}code,pre{font:14px/1.45 ui-monospace,monospace}pre{background:#f5f7f9;padding:.75rem;overflow:auto;max-height:30rem}\
.m{display:inline-block;min-width:4.5rem;font-weight:600;color:#0b5cad}.s{color:#5a6675}\
@media(prefers-color-scheme:dark){body{background:#14181d;color:#e3e8ee}pre{background:#1d232a}h2{border-color:#333c46}\
details{border-color:#232a32}.m{color:#6db3ff}.s{color:#98a5b3}}";

/// The page.
pub(super) fn html(openapi: &Value, asyncapi: &Value) -> String {
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Sidetalk API</title><style>{STYLE}</style><h1>Sidetalk API</h1>\
         <p class=s>Version {}. For machines: <a href=openapi.json>openapi.json</a>, <a href=asyncapi.json>asyncapi.json</a>.</p>",
        escaped(openapi["info"]["version"].as_str().unwrap_or_default()),
    );
    page.push_str("<h2>REST</h2>");
    for (path, item) in fields(&openapi["paths"]) {
        for (method, operation) in fields(item) {
            let mut rest = operation.clone();
            if let Some(rest) = rest.as_object_mut() {
                rest.retain(|key, _| !["tags", "operationId", "summary"].contains(&&**key));
            }
            entry(&mut page, &method.to_uppercase(), path, operation["summary"].as_str(), &rest);
        }
    }
    page.push_str("<h2>Socket: requests</h2>");
    operations(&mut page, asyncapi, "receive");
    page.push_str("<h2>Socket: notifications</h2>");
    operations(&mut page, asyncapi, "send");
    page.push_str("<h2>Shapes</h2>");
    for document in [openapi, asyncapi] {
        for (name, schema) in fields(&document["components"]["schemas"]) {
            let known = std::ptr::eq(document, asyncapi) && !openapi["components"]["schemas"][name].is_null();
            if !known {
                entry(&mut page, "", name, schema["description"].as_str(), schema);
            }
        }
    }
    page
}

fn operations(page: &mut String, asyncapi: &Value, action: &str) {
    for (name, operation) in fields(&asyncapi["operations"]) {
        if operation["action"] == action {
            let message = &asyncapi["components"]["messages"][name]["payload"]["properties"]["params"];
            let result = &asyncapi["components"]["messages"][format!("{name}.result")]["payload"]["properties"]
                ["result"];
            let mut shown = serde_json::json!({ "params": message });
            if !result.is_null() {
                shown["result"] = result.clone();
            }
            let name = name.strip_suffix(".notification").unwrap_or(name);
            entry(page, "", name, operation["summary"].as_str(), &shown);
        }
    }
}

fn entry(page: &mut String, method: &str, name: &str, summary: Option<&str>, details: &Value) {
    let details = serde_json::to_string_pretty(details).expect("a JSON value is JSON");
    let method =
        if method.is_empty() { String::new() } else { format!("<span class=m>{}</span> ", escaped(method)) };
    let _ = write!(
        page,
        "<details><summary>{method}<code>{}</code> <span class=s>{}</span></summary><pre>{}</pre></details>",
        escaped(name),
        escaped(summary.unwrap_or_default()),
        escaped(&details),
    );
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
