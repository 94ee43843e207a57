//! Whether the files that are named can be used. They are looked at by whoever serves, or is asked about serving: other
//! commands do not need them, and a certificate that is just being renewed must not stop them.

use sidetalk_api::token::KeySet;
use sidetalk_edge::tls::TlsFiles;

use super::{Config, Problem, Problems, Sources};
use crate::{dialects, jwks};

impl Config {
    /// Reads and checks everything, and the files that it names.
    ///
    /// # Errors
    /// All that is wrong, each with its place.
    pub fn load_to_serve(sources: &Sources) -> Result<Self, Problems> {
        let config = Self::load(sources)?;
        let problems = config.file_problems();
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// What is wrong with the files, if nothing is wrong with the configuration itself.
    pub fn file_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut look = |at: String, looked: anyhow::Result<()>| {
            problems.extend(looked.err().map(|error| Problem { at, what: format!("{error:#}") }));
        };
        if let (Some(certificate), Some(key)) = (&self.http.tls_certificate_file, &self.http.tls_key_file) {
            look("http".to_owned(), TlsFiles::new(certificate, key).check().map_err(Into::into));
        }
        for key in &self.project_keys {
            let loaded = jwks::load(std::slice::from_ref(key), &KeySet::default());
            look(format!("project_key {}", key.issuer), loaded.map(drop));
        }
        for entry in self.opentok_applications.iter().filter(|_| self.opentok.enabled) {
            look(format!("opentok_application {}", entry.id), dialects::application(entry).map(drop));
        }
        problems
    }
}
