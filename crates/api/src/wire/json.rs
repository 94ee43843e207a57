//! What JSON needs beside serde: a bound on depth, opaque values that are checked but not taken apart, times and positions
//! as texts, and parameters whose target (`room`, `message`, `user`) stands beside the body's own fields.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use sidetalk_core::model::{Position, TimeText, Timestamp};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// How many arrays and objects may stand in each other.
pub const DEPTH_MAX: usize = 32;

/// Whether `text` nests deeper than [`DEPTH_MAX`]. Looks at brackets outside of strings only, so it is right for JSON and
/// harmless for anything else.
pub fn is_too_deep(text: &str) -> bool {
    // Nearly every text has too few to nest deeply, and counting is quicker than following.
    if text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count() <= DEPTH_MAX {
        return false;
    }
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Reads an object with named fields. The reader of a struct would take an array as well, with the fields in an order that nobody
/// has been told.
///
/// # Errors
/// What is wrong with it.
pub fn read_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    if text.trim_start().starts_with('[') {
        return Err(serde_json::Error::custom("an object with named fields is needed, not an array"));
    }
    serde_json::from_str(text)
}

/// Checks a value that is passed on unread: its texts decode (no lone surrogates) and its numbers are numbers that other
/// JSON readers can hold.
///
/// # Errors
/// What is wrong with it.
pub fn check_opaque(value: &RawValue) -> Result<(), serde_json::Error> {
    serde_json::from_str::<Checked>(value.get()).map(drop)
}

/// Any value, read and forgotten.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// A field that may be absent, `null`, or there: `null` is an order to reset.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Where a request goes: the fields that stand beside the body's own.
pub trait Target<'de>: Fields + Default {
    /// Takes the value of `key` if it is one of the target's.
    ///
    /// # Errors
    /// If it is there twice or of the wrong type.
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;

    /// The first that is missing.
    fn missing(&self) -> Option<&'static str>;
}

/// The fields of a target.
pub trait Fields {
    /// Their names; all must be there.
    const FIELDS: &'static [&'static str];
}

macro_rules! target {
    ($(#[$doc:meta])* $name:ident { $($field:ident),* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name<'a> {
            $(#[doc = concat!("The `", stringify!($field), "` field.")] pub $field: Cow<'a, str>,)*
        }

        impl Fields for $name<'_> {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
        }

        impl<'de> Target<'de> for $name<'de> {
            fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
                $(if key == stringify!($field) {
                    if !self.$field.is_empty() {
                        return Err(A::Error::duplicate_field(stringify!($field)));
                    }
                    self.$field = map.next_value::<Str<'de>>()?.0;
                    return Ok(true);
                })*
                Ok(false)
            }

            fn missing(&self) -> Option<&'static str> {
                $(if self.$field.is_empty() { return Some(stringify!($field)); })*
                None
            }
        }
    };
}

target! {
    /// One room.
    InRoom { room }
}
target! {
    /// One message of a room.
    OnMessage { room, message }
}
target! {
    /// One user of a room.
    OnUser { room, user }
}

/// A body with its target's fields beside its own: `{"room":"r","text":"hi"}`.
#[derive(Debug)]
pub struct At<T, B> {
    /// Where it goes.
    pub target: T,
    /// The rest.
    pub body: B,
}

impl<'de, T: Target<'de>, B: Deserialize<'de>> Deserialize<'de> for At<T, B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AtVisitor(PhantomData))
    }
}

struct AtVisitor<T, B>(PhantomData<(T, B)>);

impl<'de, T: Target<'de>, B: Deserialize<'de>> Visitor<'de> for AtVisitor<T, B> {
    type Value = At<T, B>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<At<T, B>, A::Error> {
        let mut target = T::default();
        let body = B::deserialize(Rest { map, target: &mut target, marker: PhantomData })?;
        match target.missing() {
            None => Ok(At { target, body }),
            Some(field) => Err(A::Error::missing_field(field)),
        }
    }
}

/// The object without the target's fields.
struct Rest<'t, 'de, A, T> {
    map: A,
    target: &'t mut T,
    marker: PhantomData<&'de ()>,
}

impl<'de, A: MapAccess<'de>, T: Target<'de>> Deserializer<'de> for Rest<'_, 'de, A, T> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>, T: Target<'de>> MapAccess<'de> for Rest<'_, 'de, A, T> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(Str(key)) = self.map.next_key::<Str<'de>>()? {
            if !self.target.take(&key, &mut self.map)? {
                return seed.deserialize(serde::de::value::CowStrDeserializer::new(key)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A text, borrowed unless it holds escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Str<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(StrVisitor(PhantomData))
    }
}

struct StrVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for StrVisitor<'a> {
    type Value = Str<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Str<'a>, E> {
        Ok(Str(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Str<'a>, E> {
        Ok(Str(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Str<'a>, E> {
        Ok(Str(Cow::Owned(text)))
    }
}

impl std::ops::Deref for Str<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialSchema for Str<'_> {
    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

impl ToSchema for Str<'_> {}

/// JSON text that is passed on as it is.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a>(pub &'a str);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(self.0) {
            Ok(value) => value.serialize(serializer),
            // Another face let something in that is not JSON: better a text than a broken frame.
            Err(_) => serializer.serialize_str(self.0),
        }
    }
}

impl PartialSchema for Raw<'_> {
    fn schema() -> RefOr<Schema> {
        serde_json::Value::schema()
    }
}

impl ToSchema for Raw<'_> {}

/// A moment as RFC 3339 in UTC with microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Time {
    /// The text, made without allocation.
    pub fn text(self) -> TimeText {
        self.0.text()
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        text_schema(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)), "2026-11-21T09:30:00.123456Z")
    }
}

impl ToSchema for Time {}

/// A place in a room's log, as its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub Position);

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl PartialSchema for Place {
    fn schema() -> RefOr<Schema> {
        text_schema(None, "8f1d0c3b5a7e9f21-42")
    }
}

impl ToSchema for Place {}

fn text_schema(format: Option<SchemaFormat>, example: &str) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).format(format);
    RefOr::T(Schema::Object(object.examples([serde_json::Value::from(example)]).build()))
}

/// No parameters: absent, `null` is not taken, `{}`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Whether nothing follows a value; for readers that want to say more than serde does.
pub fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_microseconds() {
        let text = |micros| Time(Timestamp::from_micros(micros)).text().as_str().to_owned();
        assert_eq!(text(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(text(1_795_253_400_123_456), "2026-11-21T09:30:00.123456Z");
        assert_eq!(text(951_782_400_000_000), "2000-02-29T00:00:00.000000Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(text(i64::MAX), "9999-12-31T23:59:59.999999Z");
        assert_eq!(text(i64::MIN), "0000-01-01T00:00:00.000000Z");
    }

    #[test]
    fn depth_counts_brackets_outside_of_texts() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!is_too_deep(&nested(32)));
        assert!(is_too_deep(&nested(33)));
        assert!(is_too_deep(&nested(10_000)));
        assert!(!is_too_deep(&format!("\"{}\\\"{}\"", "[".repeat(40), "{".repeat(40))));
        assert!(!is_too_deep("\"\\"));
    }

    #[test]
    fn opaque_values_are_checked() {
        let check = |text: &str| check_opaque(&RawValue::from_string(text.to_owned()).unwrap()).is_ok();
        assert!(check(r#"{"a":[1,-2.5e3,"x\u00e4",null,true]}"#));
        assert!(!check(r#"["\ud800"]"#));
        assert!(!check(r#"{"\udc00":1}"#));
        assert!(!check("[1e999]"));
    }

    #[test]
    fn targets_stand_beside_the_body() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body<'a> {
            #[serde(borrow)]
            text: Str<'a>,
        }
        type Both<'a> = At<InRoom<'a>, Body<'a>>;
        let good: Both<'_> = serde_json::from_str(r#"{"text":"hi","room":"r"}"#).unwrap();
        assert_eq!((&*good.target.room, &*good.body.text), ("r", "hi"));
        assert!(matches!(good.body.text.0, Cow::Borrowed(_)));
        for bad in [
            r#"{"text":"hi"}"#,
            r#"{"room":"r"}"#,
            r#"{"room":"r","text":"hi","room":"s"}"#,
            r#"{"room":"r","text":"hi","text":"ho"}"#,
            r#"{"room":"r","text":"hi","else":1}"#,
            r#"{"room":1,"text":"hi"}"#,
            r#"["r","hi"]"#,
        ] {
            assert!(serde_json::from_str::<Both<'_>>(bad).is_err(), "{bad}");
        }
    }
}
