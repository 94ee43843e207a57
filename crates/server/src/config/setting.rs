//! The kinds of values that a key can have, each with its text form: how it is read from a file, from the environment or
//! from a flag, and how it is shown.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sidetalk_edge::rate::Rule;
use toml::Value;

/// A value that a key can have.
pub trait Setting: Sized {
    /// Reads it from text, as in the environment.
    ///
    /// # Errors
    /// What would be right, such as `a duration like "30s"`.
    fn from_text(text: &str) -> Result<Self, String>;

    /// Reads it from a TOML value.
    ///
    /// # Errors
    /// What would be right.
    fn from_toml(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::from_text(text),
            Value::Integer(number) => Self::from_text(&number.to_string()),
            Value::Boolean(on) => Self::from_text(&on.to_string()),
            other => Err(format!("a single value, not a TOML {}", other.type_str())),
        }
    }

    /// How it is written in TOML; `None` if it is not set.
    fn to_toml(&self) -> Option<String>;

    /// The value that limits nobody, if this is a rate.
    fn no_rate() -> Option<Self> {
        None
    }
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

impl Setting for bool {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "true or false".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! whole_number {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                text.replace('_', "").parse().map_err(|_| "a whole number".to_owned())
            }

            fn to_toml(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}

whole_number!(u8, u32, usize);

impl Setting for String {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(self))
    }
}

impl Setting for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("a path".to_owned()) } else { Ok(Self::from(text)) }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string_lossy()))
    }
}

impl Setting for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        let port_only = text.strip_prefix(':').and_then(|port| port.parse().ok());
        if let Some(port) = port_only {
            return Ok(Self::from(([0, 0, 0, 0], port)));
        }
        let host_port = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        if let Some(port) = host_port {
            return Ok(Self::from(([127, 0, 0, 1], port)));
        }
        text.parse().map_err(|_| "an address and a port like \"127.0.0.1:8190\" or \"[::1]:8190\"".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }
}

/// The units of durations, from the largest.
const TIME_UNITS: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Setting for Duration {
    fn from_text(text: &str) -> Result<Self, String> {
        let millis = with_unit(text, TIME_UNITS);
        millis
            .map(Self::from_millis)
            .ok_or_else(|| "a duration like \"30s\", \"500ms\", \"5m\" or \"24h\"".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        let millis = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        Some(quoted(&unit_text(millis, "0s", TIME_UNITS)))
    }
}

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Bytes(pub u64);

impl Bytes {
    /// That many KiB.
    pub const fn kib(count: u64) -> Self {
        Self(count * 1024)
    }

    /// That many MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count * 1024 * 1024)
    }

    /// As a size in memory.
    pub fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

const SIZE_UNITS: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const SIZE_UNITS_READ: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
    ("", 1),
];

impl Setting for Bytes {
    fn from_text(text: &str) -> Result<Self, String> {
        let bytes = with_unit(text, SIZE_UNITS_READ);
        bytes.map(Self).ok_or_else(|| "a size like \"10MiB\", \"64KiB\" or \"512B\"".to_owned())
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&unit_text(self.0, "0B", SIZE_UNITS)))
    }
}

/// `10MiB`, `1.5h`: a number and its unit.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split =
        text.find(|char: char| !char.is_ascii_digit() && char != '.' && char != '_').unwrap_or(text.len());
    let (number, unit) = (text[..split].replace('_', ""), text[split..].trim());
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    if let Ok(number) = number.parse::<u64>() {
        return number.checked_mul(*factor);
    }
    let scaled = number.parse::<f64>().ok()? * (*factor as f64);
    (scaled.fract() == 0.0 && (0.0..9e15).contains(&scaled)).then_some(scaled as u64)
}

/// The largest unit that shows the number whole.
fn unit_text(number: u64, zero: &str, units: &[(&str, u64)]) -> String {
    if number == 0 {
        return zero.to_owned();
    }
    let (name, factor) =
        units.iter().find(|(_, factor)| number.is_multiple_of(*factor)).expect("the last unit is one");
    format!("{}{name}", number / factor)
}

impl<T: Setting> Setting for Option<T> {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::from_text(text).map(Some) }
    }

    fn from_toml(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::from_text(text),
            other => T::from_toml(other).map(Some),
        }
    }

    fn to_toml(&self) -> Option<String> {
        self.as_ref().and_then(Setting::to_toml)
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(T::from_text).collect()
    }

    fn from_toml(value: &Value) -> Result<Self, String> {
        match value {
            Value::Array(values) => values.iter().map(T::from_toml).collect(),
            _ => Err("a list like [\"one\", \"two\"]".to_owned()),
        }
    }

    fn to_toml(&self) -> Option<String> {
        Some(format!("[{}]", self.iter().filter_map(Setting::to_toml).collect::<Vec<_>>().join(", ")))
    }
}

/// How often something may be done: so many in a span of time, with so many saved up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many in the long run.
    pub events: u32,
    /// In which time.
    pub span: Duration,
    /// How many at once after a pause.
    pub burst: u32,
}

impl Rate {
    /// That many per second.
    pub const fn per_second(events: u32, burst: u32) -> Self {
        Self { events, span: Duration::from_secs(1), burst }
    }

    /// That many per minute.
    pub const fn per_minute(events: u32, burst: u32) -> Self {
        Self { events, span: Duration::from_secs(60), burst }
    }

    /// No limit.
    pub const OFF: Self = Self::per_second(0, 0);

    /// As a rule of that name; `None`: there is no limit.
    pub fn rule(self, name: &'static str) -> Option<Rule> {
        (self != Self::OFF).then(|| Rule::per(name, self.events, self.span, self.burst))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::OFF {
            return f.write_str("off");
        }
        let unit = if self.span.as_secs() == 60 { "m" } else { "s" };
        write!(f, "{}/{unit} burst {}", self.events, self.burst)
    }
}

impl Setting for Rate {
    fn from_text(text: &str) -> Result<Self, String> {
        let right = || "a rate like \"5/s burst 20\" or \"10/m\", or \"off\"".to_owned();
        if text == "off" {
            return Ok(Self::OFF);
        }
        let (rate, burst) = text.split_once("burst").unwrap_or((text, ""));
        let (events, unit) = rate.split_once('/').ok_or_else(right)?;
        let events: u32 = events.trim().parse().map_err(|_| right())?;
        let burst = match burst.trim() {
            "" if text.contains("burst") => return Err(right()),
            "" => events,
            burst => burst.parse().map_err(|_| right())?,
        };
        if events == 0 || burst == 0 {
            return Err(right());
        }
        match unit.trim() {
            "s" => Ok(Self::per_second(events, burst)),
            "m" => Ok(Self::per_minute(events, burst)),
            _ => Err(right()),
        }
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.to_string()))
    }

    fn no_rate() -> Option<Self> {
        Some(Self::OFF)
    }
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself; only for the one who uses it.
    pub fn reveal(&self) -> &Arc<str> {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<hidden>")
    }
}

impl Setting for Secret {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(text.into()))
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted("<hidden>"))
    }
}

/// A choice among words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl Setting for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(concat!("one of", $(" \"", $word, "\"",)*).to_owned()),
                }
            }

            fn to_toml(&self) -> Option<String> {
                Some(match self { $(Self::$variant => quoted($word),)* })
            }
        }
    };
}

words! {
    /// How log lines look.
    LogFormat {
        /// Text on a terminal, else JSON.
        Auto = "auto",
        /// Lines for people.
        Text = "text",
        /// Lines for machines.
        Json = "json",
    }
}

words! {
    /// What an acknowledged message has survived.
    Durable {
        /// The loss of power.
        Full = "full",
        /// The end of the process.
        Normal = "normal",
    }
}

words! {
    /// The header that trusted proxies write.
    Forwarding {
        /// `X-Forwarded-For` and its companions.
        XForwarded = "x-forwarded",
        /// `Forwarded` of RFC 7239.
        Forwarded = "forwarded",
    }
}

words! {
    /// The algorithm that a project's key signs with.
    KeyAlgorithm {
        /// RSA with SHA-256.
        Rs256 = "RS256",
        /// ECDSA on P-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
}

/// A block of addresses, such as `10.0.0.0/8`; the text is checked, the meaning is edge's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block(pub String);

impl Setting for Block {
    fn from_text(text: &str) -> Result<Self, String> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let bits_max = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return Err("an address block like \"10.0.0.0/8\" or \"::1\"".to_owned()),
        };
        if bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= bits_max)) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("a block with a length from 0 to {bits_max}, like \"10.0.0.0/8\""))
    }

    fn to_toml(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn round<T: Setting + PartialEq + fmt::Debug>(text: &str, shown: &str) {
        let value = T::from_text(text).expect("a valid text");
        assert_eq!(value.to_toml().as_deref(), Some(shown));
        let toml: toml::Table = format!("key = {shown}").parse().expect("what is shown is TOML");
        assert_eq!(T::from_toml(&toml["key"]).expect("what is shown is read"), value);
    }

    #[test]
    fn values_are_shown_as_they_are_read() {
        round::<Duration>("30s", "\"30s\"");
        round::<Duration>("1.5h", "\"90m\"");
        round::<Duration>("1500ms", "\"1500ms\"");
        round::<Duration>("7d", "\"7d\"");
        round::<Duration>("0s", "\"0s\"");
        round::<Bytes>("10MiB", "\"10MiB\"");
        round::<Bytes>("65536", "\"64KiB\"");
        round::<Bytes>("1 MB", "\"1000000B\"");
        round::<Rate>("5/s burst 20", "\"5/s burst 20\"");
        round::<Rate>("5/s", "\"5/s burst 5\"");
        round::<Rate>("10 / m", "\"10/m burst 10\"");
        round::<Rate>("off", "\"off\"");
        round::<SocketAddr>("[::1]:80", "\"[::1]:80\"");
        round::<SocketAddr>("localhost:80", "\"127.0.0.1:80\"");
        round::<Vec<Block>>("10.0.0.0/8, ::1", "[\"10.0.0.0/8\", \"::1\"]");
        round::<Option<String>>("a \"b\"", r#"'a "b"'"#);
        round::<bool>("true", "true");
    }

    #[test]
    fn what_is_wrong_says_what_is_right() {
        assert_eq!(
            Duration::from_text("30").unwrap_err(),
            "a duration like \"30s\", \"500ms\", \"5m\" or \"24h\""
        );
        assert!(Bytes::from_text("10 MiBs").is_err());
        assert!(Bytes::from_text("-1").is_err());
        assert!(Bytes::from_text("99999999999GiB").is_err());
        assert!(Rate::from_text("0/s burst 0").is_err());
        assert!(Rate::from_text("5/s bust 4").is_err());
        assert!(Block::from_text("10.0.0.0/33").is_err());
        assert_eq!(LogFormat::from_text("xml").unwrap_err(), "one of \"auto\" \"text\" \"json\"");
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2");
        assert!(!format!("{secret:?} {}", secret.to_toml().unwrap_or_default()).contains("hunter2"));
    }
}
