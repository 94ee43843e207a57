//! Names as this dialect writes them: of projects, and of sessions, which say whose they are.
//!
//! ```text
//!   1_ + base64url( 1~ project ~ location ~ milliseconds ~ 24 letters or digits ~ )
//! ```
//!
//! The vendor's server clients decode a session id before they make a token for it. It is a name, never a secret.
//!
//! A session happens in the room that is called as its id is, or, where people of another dialect are in a room that had its
//! name before, in that one: its id then has the word `room` and that name in place of the letters.

use std::fmt;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::URL_SAFE_NO_PAD};
use sidetalk_core::model::{ProjectId, RoomName, Timestamp};
use sidetalk_core::ports::Entropy;
use sidetalk_edge::digits::{LETTERS_AND_DIGITS, digits};
use uuid::Uuid;

/// What a session id begins with; the vendor has given out both.
const PREFIXES: [&str; 2] = ["1_", "2_"];

/// What stands before the name of the room, if that is another than the session's.
const OVER: &str = "room";

/// Ids of other makers have their padding, or not.
const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the vendor's clients call a project by: its key, or the id of an application of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ProjectName {
    Key(ProjectId),
    Application(Uuid),
}

impl ProjectName {
    /// Reads a name; a number must be in its one usual form.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if let Ok(key) = text.parse::<ProjectId>() {
            return (key.to_string() == text).then_some(Self::Key(key));
        }
        let is_hyphenated = text.len() == 36;
        Uuid::try_parse(text).ok().filter(|_| is_hyphenated).map(Self::Application)
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => key.fmt(f),
            Self::Application(id) => id.hyphenated().fmt(f),
        }
    }
}

/// A fresh session id.
pub(crate) fn mint_session(
    project: ProjectName,
    location: Option<Ipv4Addr>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> RoomName {
    let location = location.map(|location| location.to_string()).unwrap_or_default();
    let random = letters(entropy) + &letters(entropy);
    let plain = format!("1~{project}~{location}~{}~{random}~", now.as_millis());
    let id = format!("{}{}", PREFIXES[0], URL_SAFE_NO_PAD.encode(plain));
    RoomName::new(&id).expect("a session id is short and plain")
}

/// The id of the session that lies over the room of that name, always the same; `None` if that is too long, or the project
/// is named by an application, whose sessions are its own.
pub(crate) fn session_over(project: ProjectName, room: &RoomName) -> Option<RoomName> {
    let plain = format!("1~{project}~~0~{OVER}~{room}~");
    let id = RoomName::new(&format!("{}{}", PREFIXES[0], URL_SAFE_NO_PAD.encode(plain))).ok()?;
    matches!(project, ProjectName::Key(_)).then_some(id)
}

/// Twelve letters or digits: 71 of the 128 bits.
fn letters(entropy: &dyn Entropy) -> String {
    digits(entropy.bits(), LETTERS_AND_DIGITS).take(12).collect()
}

/// What a session id says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Session {
    pub(crate) owner: ProjectName,
    /// Where it happens.
    pub(crate) room: RoomName,
}

impl Session {
    /// Reads an id; `None` if it is none.
    pub(crate) fn read(id: &str) -> Option<Self> {
        let encoded = PREFIXES.iter().find_map(|prefix| id.strip_prefix(prefix))?;
        let plain = ANY_PADDING.decode(encoded).ok()?;
        let plain = std::str::from_utf8(&plain).ok()?;
        let mut fields = plain.splitn(6, '~').skip(1);
        let project = fields.next()?;
        // What comes after it differs between the vendor's own generations.
        fields.next()?;
        let owner = ProjectName::read(project)?;
        let over = match (owner, fields.nth(1), fields.next()) {
            (ProjectName::Key(_), Some(OVER), Some(rest)) => Some(rest.strip_suffix('~')?),
            _ => None,
        };
        let room = RoomName::new(over.unwrap_or(id)).ok()?;
        Some(Self { owner, room })
    }
}

/// The project whose session a room is; `None` if it is none, or a session lies over it that has another id.
pub(crate) fn project_of(room: &str) -> Option<ProjectName> {
    let Session { owner, room: inside } = Session::read(room)?;
    (inside.as_str() == room).then_some(owner)
}

/// What a text says as a session id, for the fuzzer.
pub fn understood(session: &str) -> Option<String> {
    let Session { owner, room } = Session::read(session)?;
    assert_eq!(ProjectName::read(&owner.to_string()), Some(owner), "a name is not read as it is written");
    let over = session_over(owner, &room).and_then(|id| Session::read(id.as_str()));
    assert!(over.is_none_or(|over| over == Session { owner, room: room.clone() }), "another room is meant");
    Some(format!("{owner} {room}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sidetalk_testkit::CountingEntropy;
    use sidetalk_testkit::fixed::START;

    use super::*;

    fn project() -> impl Strategy<Value = ProjectName> {
        let key = (1_u32..1 << 31).prop_map(|key| ProjectName::Key(ProjectId::new(key).unwrap()));
        prop_oneof![key, any::<u128>().prop_map(|id| ProjectName::Application(Uuid::from_u128(id)))]
    }

    proptest! {
        #[test]
        fn a_session_id_says_whose_it_is(
            project in project(),
            location in proptest::option::of(any::<u32>()),
            at in 0_i64..4_000_000_000_000_000,
        ) {
            let (entropy, at) = (CountingEntropy::default(), Timestamp::from_micros(at));
            let location = location.map(Ipv4Addr::from_bits);
            let one = mint_session(project, location, at, &entropy);
            let other = mint_session(project, location, at, &entropy);
            prop_assert_ne!(&one, &other);
            prop_assert!(one.as_str().starts_with("1_") && one.as_str().len() <= 255);
            prop_assert!(one.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert_eq!(project_of(one.as_str()), Some(project));
            prop_assert_eq!(Session::read(one.as_str()), Some(Session { owner: project, room: one }));
        }

        #[test]
        fn a_session_over_a_room_happens_there(key in 1_u32..1 << 31, name in "[a-z0-9~ äß_-]{1,200}") {
            let owner = ProjectName::Key(ProjectId::new(key).unwrap());
            let Ok(room) = RoomName::new(&name) else { return Ok(()) };
            match session_over(owner, &room) {
                Some(id) => {
                    prop_assert_eq!(Session::read(id.as_str()), Some(Session { owner, room }));
                    prop_assert_eq!(project_of(id.as_str()), None);
                }
                None => prop_assert!(name.len() > 100),
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,300}") {
            understood(&text);
        }

        #[test]
        fn a_name_of_a_project_is_read_as_it_is_written(project in project()) {
            prop_assert_eq!(ProjectName::read(&project.to_string()), Some(project));
        }
    }

    /// The steps of the vendor's own server clients, of whatever language.
    #[test]
    fn the_decoders_of_server_clients_understand_it() {
        let entropy = CountingEntropy::default();
        for key in ["1", "12", "123456", "45812345", "2147483647"] {
            let name = ProjectName::read(key).expect("a key");
            for location in [None, Some(Ipv4Addr::new(12, 34, 56, 78))] {
                let id = mint_session(name, location, START, &entropy);
                let standard = id.as_str()[2..].replace('-', "+").replace('_', "/");
                let padded = format!("{standard}{}", "=".repeat((4 - standard.len() % 4) % 4));
                let plain = base64::engine::general_purpose::STANDARD.decode(padded).expect("base64");
                let plain = String::from_utf8(plain).expect("ASCII");
                let fields: Vec<_> = plain.split('~').collect();
                assert_eq!((fields.len(), fields[0], fields[1], fields[5]), (6, "1", key, ""), "{plain}");
            }
        }
    }

    /// An application's key must not open what is its project's.
    #[test]
    fn sessions_of_applications_lie_over_no_other_room() {
        let application = ProjectName::Application(Uuid::from_u128(7));
        assert_eq!(session_over(application, &RoomName::new("lobby").expect("a name")), None);
        let id = format!("1_{}", URL_SAFE_NO_PAD.encode(format!("1~{application}~~0~room~lobby~")));
        assert_eq!(Session::read(&id).map(|session| session.room.to_string()), Some(id));
        for bad in ["1~7~~0~room~~", "1~7~~0~room~lobby", "1~7~~0~room~\u{0}~"] {
            assert_eq!(Session::read(&format!("1_{}", URL_SAFE_NO_PAD.encode(bad))), None, "{bad}");
        }
    }

    #[test]
    fn ids_that_the_vendor_gave_out_keep_their_project() {
        let old = |plain: &str| format!("2_{}", URL_SAFE_NO_PAD.encode(plain));
        let key = ProjectName::read("123456");
        assert_eq!(project_of(&old("1~123456~127.0.0.1~Wed Feb 20 03:07:40 PST 2013~0.29~")), key);
        assert_eq!(project_of("2_MX4xMjM0NTZ-fjF-eHg="), key);
        for bad in ["", "1_", "3_MX4xfn5-", "lobby", "1_%%%", "1_AAAA", "MX4xfn5-"] {
            assert_eq!(project_of(bad), None, "{bad}");
        }
        for bad in ["1~0~~1~x~", "1~007~~1~x~", "1~2147483648~~1~x~", "1~+7~~1~x~", "1~~~1~x~", "1~5"] {
            assert_eq!(project_of(&old(bad)), None, "{bad}");
        }
    }
}
