//! TLS from a certificate and a key file, loaded again when the files change.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::metrics;
use crate::stream;

/// Where certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM, the server's own certificate first, then the intermediate ones.
    pub cert: PathBuf,
    /// PEM, PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
    /// How often to look whether the files changed. Default 5 s with [`Self::new`].
    pub look_every: Duration,
}

impl TlsFiles {
    /// Files that are looked at every five seconds.
    #[must_use]
    pub fn new(cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { cert: cert.into(), key: key.into(), look_every: Duration::from_secs(5) }
    }

    /// Whether a listener could start with them.
    ///
    /// # Errors
    /// If one of them cannot be read, or they are not a pair.
    pub fn check(&self) -> io::Result<()> {
        config(self).map(drop)
    }
}

/// The certificate in use.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: ArcSwap<ServerConfig>,
    /// The state of the files at the last attempt, successful or not: a broken pair is complained about once.
    stamp: Mutex<Stamp>,
}

/// Length and time of change of both files.
type Stamp = [Option<(u64, SystemTime)>; 2];

impl Tls {
    pub(crate) fn load(files: TlsFiles) -> io::Result<Self> {
        // The stamp is taken first: a change in between is then seen as a change later.
        let stamp = Mutex::new(stamp(&files));
        let current = ArcSwap::new(config(&files)?);
        Ok(Self { files, current, stamp })
    }

    pub(crate) async fn accept(&self, tcp: TcpStream) -> io::Result<stream::Tls> {
        TlsAcceptor::from(self.current.load_full()).accept(tcp).await
    }

    /// Looks at the files for ever.
    pub(crate) async fn watch_files(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.files.look_every).await;
            self.reload_if_changed();
        }
    }

    /// The two files are rarely replaced in one instant. A pair that does not match is refused, the old one stays, and
    /// the next change of either file is a new attempt.
    fn reload_if_changed(&self) {
        let found = stamp(&self.files);
        if std::mem::replace(&mut *self.stamp.lock(), found) == found {
            return;
        }
        match config(&self.files) {
            Ok(config) => {
                self.current.store(config);
                metrics::tls_reload("ok");
                tracing::info!(path = %self.files.cert.display(), "certificate reloaded");
            }
            Err(error) => {
                metrics::tls_reload("failed");
                tracing::warn!(error = %error, "the changed certificate cannot be used; the old one stays");
            }
        }
    }
}

fn stamp(files: &TlsFiles) -> Stamp {
    [&files.cert, &files.key].map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    })
}

fn config(files: &TlsFiles) -> io::Result<Arc<ServerConfig>> {
    let certs =
        CertificateDer::pem_file_iter(&files.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| bad(format!("certificate {}: {}", files.cert.display(), in_words(&error))))?;
    // rustls looks at the first alone; clients look at all.
    for (number, cert) in (1..).zip(&certs) {
        ParsedCertificate::try_from(cert).map_err(|error| {
            bad(format!("certificate {}: number {number}: {error}", files.cert.display()))
        })?;
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| bad(format!("key {}: {}", files.key.display(), in_words(&error))))?;
    // The provider is named, so that nothing depends on which one the process installed.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(bad)?
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .map_err(|error| bad(format!("certificate {}: {error}", files.cert.display())))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Its own words show lines of the file as lists of bytes.
fn in_words(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no END line: the file is cut short".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is broken".to_owned(),
        pem::Error::NoItemsFound => "there is none in the file, in PEM and without a password".to_owned(),
        other => other.to_string(),
    }
}

fn bad(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
