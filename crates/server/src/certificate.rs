//! Certificates: the self-made one of `sidetalk dev --tls`, and until when one is good.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sidetalk_core::model::Timestamp;
use time::{OffsetDateTime, PrimitiveDateTime};

/// The files of a certificate.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Makes a certificate for this machine in `folder`, or takes the one made before. No browser trusts it by itself.
///
/// # Errors
/// If the folder cannot be written.
pub fn self_made(folder: &Path, now: Timestamp) -> Result<CertificateFiles> {
    let files =
        CertificateFiles { certificate: folder.join("dev-certificate.pem"), key: folder.join("dev-key.pem") };
    let is_usable = files.key.exists() && end(&files.certificate).is_ok_and(|end| end > now);
    if is_usable {
        return Ok(files);
    }
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).context("cannot make a certificate")?;
    fs::write(&files.certificate, made.cert.pem())
        .with_context(|| format!("cannot write {}", files.certificate.display()))?;
    let mut key = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&files.key)
        .with_context(|| format!("cannot write {}", files.key.display()))?;
    key.write_all(made.signing_key.serialize_pem().as_bytes())
        .context("cannot write the certificate's key")?;
    Ok(files)
}

/// When the first certificate of a PEM file ends.
///
/// # Errors
/// If there is none that can be read.
pub fn end(file: &Path) -> Result<Timestamp> {
    let pem = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let certificate = CertificateDer::from_pem_slice(&pem)
        .ok()
        .with_context(|| format!("{} holds no certificate in PEM form", file.display()))?;
    not_after(&certificate).with_context(|| format!("cannot read the certificate in {}", file.display()))
}

/// The field `notAfter` (RFC 5280, 4.1): Certificate { tbs { [0] version?, serial, algorithm, issuer, validity { notBefore,
/// notAfter } … } … }.
fn not_after(der: &[u8]) -> Option<Timestamp> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (_, certificate, _) = element(der).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut rest, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    for _ in ["serial", "algorithm", "issuer"] {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (tag, text, _) = element(element(validity)?.2)?;
    moment(tag, std::str::from_utf8(text).ok()?)
}

/// One DER element: its tag, its content, what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first & 0x80 != 0 {
        let (bytes, after) =
            rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
        length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

/// UTCTime has a year of two digits that turns at 50, GeneralizedTime one of four.
fn moment(tag: u8, text: &str) -> Option<Timestamp> {
    const UTC_TIME: u8 = 0x17;
    let full = if tag == UTC_TIME {
        let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
        format!("{century}{text}")
    } else {
        text.to_owned()
    };
    let format = time::macros::format_description!("[year][month][day][hour][minute][second]Z");
    let moment: OffsetDateTime = PrimitiveDateTime::parse(&full, format).ok()?.assume_utc();
    Some(Timestamp::from_micros(moment.unix_timestamp().checked_mul(1_000_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_made_certificate_is_kept_until_it_ends() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let made = self_made(folder.path(), Timestamp::from_micros(0)).expect("made");
        let first = fs::read(&made.certificate).expect("written");
        self_made(folder.path(), Timestamp::from_micros(0)).expect("taken again");
        assert_eq!(fs::read(&made.certificate).expect("still there"), first);
        let end = end(&made.certificate).expect("a certificate");
        assert!(end > Timestamp::from_micros(1_900_000_000_000_000), "{end:?}");
        self_made(folder.path(), end).expect("made anew");
        assert_ne!(fs::read(&made.certificate).expect("written"), first);
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        for der in [
            &[][..],
            &[0x30],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x02, 0x30, 0x00],
            &[0x30, 0x80],
        ] {
            assert_eq!(not_after(der), None);
        }
    }

    #[test]
    fn both_kinds_of_time_are_read() {
        let seconds = |tag, text| moment(tag, text).map(|moment| moment.as_micros() / 1_000_000);
        assert_eq!(seconds(0x17, "700101000000Z"), Some(0));
        assert_eq!(seconds(0x17, "270101000000Z"), Some(1_798_761_600));
        assert_eq!(seconds(0x18, "20500101000000Z"), Some(2_524_608_000));
        assert_eq!(seconds(0x18, "tomorrow"), None);
    }
}
