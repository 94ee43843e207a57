//! The file with every key, its meaning and its value.

use super::Config;
use super::sections::{Key, OpenTokApplication, ProjectEntry, ProjectKeyEntry, Section};

const HEAD: &str = "\
# Sidetalk's configuration: every key with its default. Printed by `sidetalk config example`; do not edit here.
#
# Give it with `sidetalk serve --config FILE`. Take out the # of what you change. A flag beats the environment, the
# environment (SIDETALK_<SECTION>__<KEY>, such as SIDETALK_HTTP__LISTEN) beats this file. Paths are relative to the
# working directory.
";

impl Config {
    /// The commented file with all defaults.
    pub fn example() -> String {
        let mut text = HEAD.to_owned();
        let config = Self::default();
        for (name, section) in config.sections() {
            table(&mut text, &format!("[{name}]"), section, Form::Example);
        }
        let lists: [(&str, &dyn Section); 3] = [
            ("[[project]]", &ProjectEntry::default()),
            ("[[project_key]]", &ProjectKeyEntry::default()),
            ("[[opentok_application]]", &OpenTokApplication::default()),
        ];
        for (title, section) in lists {
            table(&mut text, title, section, Form::ExampleRow);
        }
        text
    }

    /// The values in force, without comments. Secrets are hidden.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for (name, section) in self.sections() {
            table(&mut text, &format!("[{name}]"), section, Form::Values);
        }
        for project in &self.projects {
            table(&mut text, "[[project]]", project, Form::Values);
        }
        for key in &self.project_keys {
            table(&mut text, "[[project_key]]", key, Form::Values);
        }
        for application in &self.opentok_applications {
            table(&mut text, "[[opentok_application]]", application, Form::Values);
        }
        text.trim_start().to_owned()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The table's name stands, each key is commented out.
    Example,
    /// The table's name is commented out too, as the table may be absent.
    ExampleRow,
    /// Only what is set.
    Values,
}

fn table(text: &mut String, title: &str, section: &dyn Section, form: Form) {
    text.push('\n');
    if form != Form::Values {
        comment(text, section.meaning());
    }
    let mark = if form == Form::ExampleRow { "# " } else { "" };
    *text += &format!("{mark}{title}\n");
    for key in section.keys() {
        match form {
            Form::Values => {
                if let Some(value) = &key.value {
                    *text += &format!("{} = {value}\n", key.name);
                }
            }
            Form::Example | Form::ExampleRow => {
                comment(text, key.meaning);
                *text += &format!("# {}\n", example(&key));
            }
        }
    }
}

fn example(key: &Key) -> String {
    format!("{} = {}", key.name, key.value.as_deref().unwrap_or("\"\""))
}

fn comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        *text += &format!("#{line}\n");
    }
}
