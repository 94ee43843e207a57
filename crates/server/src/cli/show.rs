//! How what an order brings is shown: for people, or as JSON.

use std::io::Write as _;

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value};

/// How to print.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct ShowArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl ShowArgs {
    pub(super) fn print(self, shown: &Value) -> Result<()> {
        let text = if self.json { serde_json::to_string_pretty(shown)? } else { plain(shown) };
        writeln!(std::io::stdout(), "{}", text.trim_end())?;
        Ok(())
    }
}

/// A list as a table, an object as lines, anything else as it is.
fn plain(shown: &Value) -> String {
    match shown {
        Value::Array(rows) if rows.is_empty() => "(none)".to_owned(),
        Value::Array(rows) => table(rows),
        Value::Object(fields) => lines(fields),
        other => cell(other),
    }
}

fn lines(fields: &Map<String, Value>) -> String {
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    in_order(fields).iter().map(|name| format!("{name:width$}  {}\n", cell(&fields[*name]))).collect()
}

/// What names the thing stands first.
fn in_order(fields: &Map<String, Value>) -> Vec<&str> {
    let mut names: Vec<&str> = fields.keys().map(String::as_str).collect();
    names.sort_by_key(|name| !matches!(*name, "key" | "name" | "state"));
    names
}

fn table(rows: &[Value]) -> String {
    let names = rows[0].as_object().map(in_order).unwrap_or_default();
    let mut cells = vec![names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()];
    cells.extend(rows.iter().map(|row| names.iter().map(|name| cell(&row[*name])).collect()));
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    cells.iter().map(line).collect()
}

/// Names come from clients: control characters, which could drive the terminal, are shown as escapes.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.chars().any(char::is_control) => text.escape_debug().to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_tables() {
        let rows = json!([{"name": "lobby", "head": 12, "title": null}, {"name": "a\u{1b}[2J", "head": 3, "title": "Ä"}]);
        expect![[r#"
            name        head  title
            lobby       12    -
            a\u{1b}[2J  3     Ä
        "#]]
        .assert_eq(&plain(&rows));
        expect![[r#"
            key                7
            chat_signal_types  chat, msg
        "#]]
        .assert_eq(&plain(&json!({"key": 7, "chat_signal_types": ["chat", "msg"]})));
        expect!["(none)"].assert_eq(&plain(&json!([])));
    }
}
