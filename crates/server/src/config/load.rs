//! From a file, the environment and flags to a [`Config`].

use std::path::{Path, PathBuf};

use toml::de::{DeString, DeTable, DeValue};
use toml::{Spanned, Value};

use super::hint::nearest;
use super::sections::Given;
use super::{Config, LISTS, Problem, Problems};

/// What the environment's names begin with.
const PREFIX: &str = "SIDETALK_";

/// Where settings come from, in rising order of weight.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Flags: what to call them in an error, the key as `section.key`, the value.
    pub flags: Vec<(String, String, String)>,
}

impl Sources {
    /// The process's environment and that file.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        Self { file, environment, flags: Vec::new() }
    }

    /// Adds a flag's value.
    #[must_use]
    pub fn flag(mut self, flag: &str, key: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.flags.push((flag.to_owned(), key.to_owned(), value.to_string()));
        }
        self
    }
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All that is wrong, each with its place.
    pub fn load(sources: &Sources) -> Result<Self, Problems> {
        let config = Self::load_unchecked(sources)?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// Reads everything without asking whether it fits together.
    ///
    /// # Errors
    /// All that could not be read, each with its place.
    pub fn load_unchecked(sources: &Sources) -> Result<Self, Problems> {
        let mut loading = Loading { config: Self::default(), problems: Vec::new() };
        if let Some(file) = &sources.file {
            loading.file(file);
        }
        for (name, value) in &sources.environment {
            loading.variable(name, value);
        }
        for (flag, key, value) in &sources.flags {
            loading.text(flag, key, value);
        }
        loading.secret_files();
        if loading.problems.is_empty() { Ok(loading.config) } else { Err(Problems(loading.problems)) }
    }
}

struct Loading {
    config: Config,
    problems: Vec<Problem>,
}

impl Loading {
    fn problem(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.problems.push(Problem { at: at.into(), what: what.into() });
    }

    fn file(&mut self, path: &Path) {
        match std::fs::read_to_string(path) {
            Ok(text) => self.toml(&path.display().to_string(), &text),
            Err(error) => self.problem(path.display().to_string(), format!("cannot be read: {error}")),
        }
    }

    fn toml(&mut self, name: &str, text: &str) {
        let line = |at: usize| format!("{name}:{}", text[..at.min(text.len())].matches('\n').count() + 1);
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            for error in errors {
                let at = error.span().map_or_else(|| name.to_owned(), |span| line(span.start));
                self.problem(at, format!("is not TOML: {}", error.message()));
            }
            return;
        }
        for (table, value) in in_order(document.get_ref()) {
            let at = line(table.span().start);
            let table = table.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(keys) => self.table(table, &at, keys, &line),
                DeValue::Array(rows) if LISTS.contains(&table) => {
                    for row in rows.iter() {
                        match row.get_ref() {
                            DeValue::Table(keys) => self.row(table, keys, &line),
                            _ => self.problem(&at, format!("write [[{table}]] above each {table}")),
                        }
                    }
                }
                _ if self.config.section_mut(table).is_some() => {
                    self.problem(&at, format!("{table} is a section: write [{table}] above its keys"));
                }
                _ => self.unknown(&at, table),
            }
        }
    }

    fn table(&mut self, table: &str, at: &str, keys: &DeTable<'_>, line: &dyn Fn(usize) -> String) {
        if LISTS.contains(&table) {
            return self.problem(at, format!("[{table}] may stand several times: write [[{table}]]"));
        }
        if self.config.section_mut(table).is_none() {
            let names: Vec<&str> =
                self.config.sections().iter().map(|(name, _)| *name).chain(LISTS).collect();
            return self
                .problem(at, format!("there is no section [{table}]{}", meant(nearest(table, names))));
        }
        for (key, value) in in_order(keys) {
            let at = line(key.span().start);
            let name = format!("{table}.{}", key.get_ref());
            self.value(&at, &name, &Given::Toml(&plain(value.get_ref())));
        }
    }

    fn row(&mut self, table: &str, keys: &DeTable<'_>, line: &dyn Fn(usize) -> String) {
        let mut problems = Vec::new();
        let row = self.config.add_row(table).expect("the caller has checked the name");
        for (key, value) in in_order(keys) {
            let (at, key) = (line(key.span().start), key.get_ref().as_ref());
            match row.set(key, &Given::Toml(&plain(value.get_ref()))) {
                Some(Ok(())) => {}
                Some(Err(right)) => problems.push((at, format!("{table}.{key} must be {right}"))),
                None => {
                    let names: Vec<&str> = row.keys().iter().map(|key| key.name).collect();
                    problems
                        .push((at, format!("there is no key {table}.{key}{}", meant(nearest(key, names)))));
                }
            }
        }
        for (at, what) in problems {
            self.problem(at, what);
        }
    }

    /// `SIDETALK_HTTP__LISTEN`. A name without a double underscore is not a key of ours: container platforms set such.
    fn variable(&mut self, name: &str, value: &str) {
        let Some((table, key)) = name.strip_prefix(PREFIX).and_then(|rest| rest.split_once("__")) else {
            return;
        };
        let key = format!("{}.{}", table.to_ascii_lowercase(), key.to_ascii_lowercase());
        self.text(name, &key, value);
    }

    fn text(&mut self, at: &str, key: &str, value: &str) {
        self.value(at, key, &Given::Text(value));
    }

    fn value(&mut self, at: &str, name: &str, given: &Given<'_>) {
        let (table, key) = name.split_once('.').unwrap_or((name, ""));
        if LISTS.contains(&table) {
            return self.problem(at, format!("[[{table}]] can stand in the file only"));
        }
        let outcome = self.config.section_mut(table).and_then(|section| section.set(key, given));
        match outcome {
            Some(Ok(())) => {}
            Some(Err(right)) => self.problem(at, format!("{name} must be {right}")),
            None => self.unknown(at, name),
        }
    }

    fn unknown(&mut self, at: &str, name: &str) {
        let names = self.config.key_names();
        let key = name.rsplit('.').next().unwrap_or(name);
        // The right key in the wrong section is a commoner slip than a letter.
        let elsewhere = names.iter().find(|known| known.rsplit('.').next() == Some(key));
        let near = elsewhere.map(String::as_str).or_else(|| nearest(name, names.iter().map(String::as_str)));
        self.problem(at, format!("there is no key {name}{}", meant(near)));
    }

    /// Takes secrets from the files that hold them.
    fn secret_files(&mut self) {
        let mut problems = Vec::new();
        for project in &mut self.config.projects {
            let Some(path) = &project.secret_file else { continue };
            let at = format!("project {}", project.key);
            if project.secret.is_some() {
                problems.push((at, "has both secret and secret_file: keep one".to_owned()));
                continue;
            }
            match std::fs::read_to_string(path) {
                Ok(text) => project.secret = Some(super::setting::Secret::new(text.trim_end())),
                Err(error) => {
                    problems.push((at, format!("cannot read secret_file {}: {error}", path.display())));
                }
            }
        }
        for (at, what) in problems {
            self.problem(at, what);
        }
    }
}

/// The keys as they stand in the file.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Spanned<DeString<'i>>, &'t Spanned<DeValue<'i>>)> {
    let mut keys: Vec<_> = table.iter().collect();
    keys.sort_by_key(|(key, _)| key.span().start);
    keys
}

fn meant(near: Option<&str>) -> String {
    near.map_or_else(
        || "; `sidetalk config example` lists all".to_owned(),
        |near| format!("; did you mean {near}?"),
    )
}

/// A value without the places in the file.
fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::String(number.as_str().to_owned()), Value::Integer),
        DeValue::Float(number) => Value::String(number.as_str().to_owned()),
        DeValue::Boolean(on) => Value::Boolean(*on),
        DeValue::Datetime(time) => Value::Datetime(*time),
        DeValue::Array(values) => Value::Array(values.iter().map(|value| plain(value.get_ref())).collect()),
        DeValue::Table(keys) => Value::Table(
            keys.iter().map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref()))).collect(),
        ),
    }
}
