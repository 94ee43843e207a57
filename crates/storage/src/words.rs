//! Words: what is indexed of a text, and what a person looks for. The same for every engine.

use sidetalk_core::model::Part;
use sidetalk_core::refusal::Refusal;

/// The longest search, in bytes.
const QUERY_BYTES_MAX: usize = 512;

/// The text of `parts` as it goes into an index.
pub(crate) fn indexed(parts: &[Part]) -> String {
    let mut spread = String::new();
    for part in parts {
        if let Part::Text { text, .. } = part {
            spread_into(&mut spread, text);
            spread.push('\n');
        }
    }
    spread
}

/// The words of a search, each spread as the index is. All must occur; the last may be the beginning of a word.
///
/// # Errors
/// [`Refusal::TooLarge`] if the text is too long.
pub(crate) fn wanted(text: &str) -> Result<Vec<String>, Refusal> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(Refusal::TooLarge { field: "text", max: QUERY_BYTES_MAX });
    }
    let words = text.split(|char: char| char.is_whitespace() || char.is_control());
    let words = words.filter(|word| word.chars().any(char::is_alphanumeric)).map(|word| {
        let mut spread = String::new();
        spread_into(&mut spread, word);
        spread
    });
    Ok(words.collect())
}

/// Sets characters of scripts that do not part their words by spaces apart, so that every part of such a text is found.
fn spread_into(spread: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '\0' => spread.push(' '),
            char if is_unspaced(char) => spread.extend([' ', char, ' ']),
            char => spread.push(char),
        }
    }
}

fn is_unspaced(char: char) -> bool {
    matches!(char,
        '\u{0E00}'..='\u{0EFF}'         // Thai, Lao
        | '\u{1000}'..='\u{109F}'       // Burmese
        | '\u{1780}'..='\u{17FF}'       // Khmer
        | '\u{3040}'..='\u{30FF}'       // Japanese syllables
        | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}'       // Chinese characters
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}
