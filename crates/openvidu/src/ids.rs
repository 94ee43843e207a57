//! Ids as this dialect writes them, and how they meet core's.
//!
//! A connection id that was minted here and core's id of the same connection are the same number in two forms, so neither
//! needs to be looked up. The rest of core's id says who has made it:
//!
//! ```text
//!   con_ + upper-case letter + 9 letters or digits   <->   6f766964-7500-8000 . 10 . 00 . 60-bit number
//!   con_ + a name that the application chose          ->   6f766964-7500-8000 . 10 . 01 . 60-bit hash of session and name
//!   a connection of another dialect                  ->   con_ … of the last 60 bits of its id
//! ```
//!
//! A connection's user has its name, too. Where the application chose that, what the name leaves out is kept apart by signs
//! that no name has:
//!
//! ```text
//!   ana           con_ana                              comes by the vendor's token
//!   a-n-a, Žana   con_ana~HASH, con_ana~HASH           whose wish had to be cleaned, each of another one
//!   ana           con_ana.HASH                         on a page of the drop-in script: each token is a user of its own
//! ```

use sha2::{Digest as _, Sha256};
use sidetalk_core::model::{ConnectionId, Presence, UserId};
use sidetalk_core::ports::Entropy;
use sidetalk_edge::digits::{LETTERS_AND_DIGITS, digits};
use uuid::Uuid;

/// What every connection id begins with.
const PREFIX: &str = "con_";
/// "ovidu", and version 8 of RFC 9562 ("custom").
const HIGH: u64 = 0x6f76_6964_7500_8000;
/// The variant of RFC 9562.
const VARIANT: u64 = 0b10 << 62;
/// Marks ids whose name the application chose.
const CHOSEN: u64 = 0b01 << 60;
const NUMBER: u64 = (1 << 60) - 1;

const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// How many ids can be minted: 26 x 62^9.
const SPACE: u64 = 26 * 62_u64.pow(9);

/// The longest name that an application may choose, `con_` included.
const NAME_BYTES_MAX: usize = 128;

/// Stands before the hash of a wish that had to be cleaned.
const OF_WISH: char = '~';
/// Stands before the hash of the token that a page came by.
const OF_PAGE: char = '.';
/// Enough that nobody finds a second text with the same hash.
const HASH_CHARS: usize = 16;

/// A fresh name of a connection.
pub(crate) fn mint_name(entropy: &dyn Entropy) -> String {
    minted_name(mint_connection(entropy))
}

fn mint_connection(entropy: &dyn Entropy) -> ConnectionId {
    #[expect(clippy::cast_possible_truncation, reason = "half of the random bits are enough")]
    let bits = entropy.bits() as u64;
    id(bits % SPACE)
}

/// A fresh name of a session that the application has not named.
pub(crate) fn mint_session(entropy: &dyn Entropy) -> String {
    text("ses_", entropy.bits(), 9)
}

/// A fresh token secret.
pub(crate) fn mint_token(entropy: &dyn Entropy) -> String {
    text("tok_", entropy.bits(), 15)
}

/// A fresh secret of a client, by which it comes back after its socket was lost: 26 lower-case letters and digits.
pub(crate) fn mint_rpc(entropy: &dyn Entropy) -> String {
    // 128 bits are 25 digits to the base of 36; the last one is a zero more often than not.
    digits(entropy.bits(), b"0123456789abcdefghijklmnopqrstuvwxyz").take(26).collect()
}

/// The prefix, a letter, and that many letters or digits.
fn text(prefix: &str, number: u128, rest: usize) -> String {
    let mut text = String::with_capacity(prefix.len() + 1 + rest);
    text.push_str(prefix);
    text.extend(digits(number, LETTERS).take(1));
    text.extend(digits(number / 26, LETTERS_AND_DIGITS).take(rest));
    text
}

fn id(number: u64) -> ConnectionId {
    ConnectionId::from_uuid(Uuid::from_u64_pair(HIGH, VARIANT | number))
}

/// The id of a connection that is called so in that session.
pub(crate) fn connection(session: &str, name: &str) -> ConnectionId {
    if let Some(number) = number_of(name) {
        return id(number);
    }
    let digest = Sha256::new().chain_update(session).chain_update([0]).chain_update(name).finalize();
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    id(u64::from_be_bytes(short) & NUMBER | CHOSEN)
}

/// The name of a connection as it is minted, or as one of another dialect is called.
fn minted_name(id: ConnectionId) -> String {
    text(PREFIX, number(id).into(), 9)
}

/// The number that the name of a connection is made of, unless the application chose the name.
pub(crate) fn number_in_name(id: ConnectionId) -> Option<u64> {
    (!is_chosen(id)).then(|| number(id))
}

fn number(id: ConnectionId) -> u64 {
    (id.as_uuid().as_u64_pair().1 & NUMBER) % SPACE
}

/// The number that a name is made of, if it is.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.as_bytes();
    let (first, rest) = digits.split_first()?;
    if rest.len() != 9 {
        return None;
    }
    let value =
        |from: &[u8], digit: u8| from.iter().position(|known| *known == digit).map(|place| place as u64);
    let mut number = 0;
    for digit in rest.iter().rev() {
        number = number * 62 + value(LETTERS_AND_DIGITS, *digit)?;
    }
    Some(number * 26 + value(LETTERS, *first)?)
}

/// The user of a connection that the application wishes to be called `wish`; `None` if nothing of it is left. People whose
/// wishes differ are different users, though both may be [called](name_in) the same.
pub(crate) fn chosen_user(wish: &str) -> Option<String> {
    let word: String = wish.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '_').collect();
    let fits = !word.is_empty() && PREFIX.len() + word.len() <= NAME_BYTES_MAX;
    let mark = if word == wish { String::new() } else { format!("{OF_WISH}{}", short_hash(wish)) };
    fits.then(|| format!("{PREFIX}{word}{mark}"))
}

/// That user on the page of the drop-in script that has the native token for this one of the vendor's.
pub(crate) fn user_on_page(user: &str, secret: &str) -> String {
    format!("{}{OF_PAGE}{}", user_off_page(user), short_hash(secret))
}

/// The user that a user on a page is.
pub(crate) fn user_off_page(user: &str) -> &str {
    user.split(OF_PAGE).next().unwrap_or(user)
}

/// What the connection of a user is called whose name the application chose.
pub(crate) fn name_in(user: &str) -> &str {
    user.split([OF_WISH, OF_PAGE]).next().unwrap_or(user)
}

fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text);
    let number = digest[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
    digits(number, LETTERS_AND_DIGITS).take(HASH_CHARS).collect()
}

/// What a connection is called: its number, or the name that the application has chosen, which its user has too.
pub(crate) fn name(id: ConnectionId, user: &UserId) -> String {
    if is_chosen(id) { name_in(user.as_str()).to_owned() } else { minted_name(id) }
}

/// What the connection of somebody present is called.
pub(crate) fn name_of(presence: &Presence) -> String {
    name(presence.connection, &presence.identity.user)
}

fn is_chosen(id: ConnectionId) -> bool {
    let (high, low) = id.as_uuid().as_u64_pair();
    high == HIGH && low & CHOSEN != 0
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sidetalk_testkit::CountingEntropy;

    use super::*;

    #[test]
    fn a_minted_id_and_its_name_are_one_number() {
        let entropy = CountingEntropy::default();
        for _ in 0..1_000 {
            let id = mint_connection(&entropy);
            let name = minted_name(id);
            assert_eq!(connection("any", &name), id, "{name}");
            assert_eq!(id.as_uuid().get_version_num(), 8);
        }
    }

    #[test]
    fn secrets_have_their_forms() {
        let entropy = CountingEntropy::default();
        let is_form = |text: &str, prefix: &str, digits: usize| {
            let rest = text.strip_prefix(prefix).expect("its prefix");
            rest.len() == digits + 1
                && rest.starts_with(|first: char| first.is_ascii_uppercase())
                && rest.chars().all(|char| char.is_ascii_alphanumeric())
        };
        assert!(is_form(&mint_session(&entropy), "ses_", 9));
        assert!(is_form(&mint_token(&entropy), "tok_", 15));
        let rpc = mint_rpc(&entropy);
        assert!(
            rpc.len() == 26 && rpc.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit())
        );
        assert_ne!(rpc, mint_rpc(&entropy));
    }

    #[test]
    fn a_chosen_name_is_the_users_too() {
        let chosen = chosen_user("alice1").expect("something is left");
        assert_eq!(chosen, "con_alice1");
        let id = connection("ses_A", &chosen);
        assert_ne!(id, connection("ses_B", &chosen));
        assert_eq!(name(id, &UserId::new(&chosen).expect("a valid id")), chosen);
        assert_eq!((number_in_name(id), chosen_user("--")), (None, None));
    }

    #[test]
    fn different_wishes_are_different_users_of_one_name() {
        let wishes = ["ana", "a-n-a", "an a", "Žana", "Ёana", "ana "];
        let users: HashSet<_> = wishes.iter().filter_map(|wish| chosen_user(wish)).collect();
        assert_eq!(users.len(), wishes.len());
        let on_pages: HashSet<_> = users.iter().map(|user| user_on_page(user, "tok_A")).collect();
        assert!(on_pages.iter().all(|user| users.contains(user_off_page(user)) && !users.contains(user)));
        let id = connection("ses_A", "con_ana");
        for user in users.iter().chain(&on_pages) {
            assert_eq!(name(id, &UserId::new(user).expect("a valid id")), "con_ana");
        }
        let (page, again) = (user_on_page("con_ana", "tok_A"), user_on_page("con_ana", "tok_B"));
        assert_ne!(page, again);
        assert_eq!(user_on_page(&page, "tok_B"), again);
    }

    #[test]
    fn a_connection_of_another_dialect_has_a_name_too() {
        let id = ConnectionId::from_uuid(Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef));
        let user = UserId::new("native-user").expect("a valid id");
        assert_eq!(name(id, &user).len(), 14);
        assert_eq!(name(id, &user), minted_name(id));
        assert_eq!(number_of(&name(id, &user)), number_in_name(id));
    }
}
