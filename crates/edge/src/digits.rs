//! Numbers as short texts: how dialects write ids and secrets that they draw.

/// Digits, upper case, lower case: the digits to the base of 62.
pub const LETTERS_AND_DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The digits of a number to the base of an alphabet, the smallest first, and then zeros without an end. 128 random bits are
/// good for 21 of [`LETTERS_AND_DIGITS`].
pub fn digits(number: u128, alphabet: &[u8]) -> impl Iterator<Item = char> {
    let base = alphabet.len() as u128;
    let rests = std::iter::successors(Some(number), move |rest| Some(rest / base));
    rests.map(move |rest| char::from(alphabet[usize::try_from(rest % base).unwrap_or(0)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_digit_comes_first() {
        let text: String = digits(3 + 62 * (10 + 62 * 61), LETTERS_AND_DIGITS).take(5).collect();
        assert_eq!(text, "3Az00");
    }
}
