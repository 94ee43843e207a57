//! About how many bytes things take in an answer, so that no answer is too long for the connection that asked. Counted as JSON,
//! which all faces speak, with room for the names of its fields; a face that says more about a thing says it in fewer bytes
//! than are allowed for here.

use std::ops::Range;

use crate::event::{Entry, Event};
use crate::model::{Audience, FileRef, Message, Part, Presence, UserId};
use crate::ports::{Page, PageAnchor};

/// Ids, times and names of fields of a message or an entry.
const FRAME: usize = 700;

/// How many users of a reaction are told by name.
const REACTED_BY_MAX: usize = 50;

impl Message {
    /// About how many bytes it takes in an answer.
    pub fn weight(&self) -> usize {
        let reactions = self.reactions.iter().map(|reaction| {
            50 + text(&reaction.emoji) + users(&reaction.users[..reaction.users.len().min(REACTED_BY_MAX)])
        });
        FRAME
            + text(&self.sender.name)
            + audience(&self.audience)
            + parts(&self.parts)
            + users(&self.mentions)
            + reactions.sum::<usize>()
    }
}

impl Entry {
    /// About how many bytes it takes in an answer.
    pub fn weight(&self) -> usize {
        let event = match &self.event {
            Event::MessagePosted(message) => message.weight(),
            Event::MessageEdited { parts: now, mentions, .. } => parts(now) + users(mentions),
            _ => 300,
        };
        FRAME + text(&self.by.name) + audience(&self.audience) + event
    }
}

impl Presence {
    /// About how many bytes it takes in an answer.
    pub fn weight(&self) -> usize {
        FRAME + text(&self.identity.name) + text(&self.identity.data) + text(&self.client_data)
    }
}

impl Page {
    /// Leaves out what lies furthest from the anchor until the rest takes at most so many bytes. One message stays in any case.
    pub(crate) fn shorten(&mut self, anchor: PageAnchor, bytes_max: usize) {
        let weights: Vec<_> = self.messages.iter().map(Message::weight).collect();
        if weights.iter().sum::<usize>() <= bytes_max {
            return;
        }
        let middle = match anchor {
            PageAnchor::Newest | PageAnchor::Before(_) => weights.len(),
            PageAnchor::After(_) => 0,
            PageAnchor::Around(seq) => self.messages.partition_point(|message| message.seq < seq),
        };
        let kept = widest(&weights, middle, bytes_max);
        self.more_after |= kept.end < weights.len();
        self.more_before |= kept.start > 0;
        self.messages.truncate(kept.end);
        self.messages.drain(..kept.start);
    }

    /// The same for what a search has found, newest first.
    pub(crate) fn shorten_found(&mut self, bytes_max: usize) {
        let weights: Vec<_> = self.messages.iter().map(Message::weight).collect();
        let kept = widest(&weights, 0, bytes_max);
        self.more_before |= kept.end < weights.len();
        self.messages.truncate(kept.end);
    }
}

/// The range around `middle`, as even as it goes, whose weights are at most `max` together; of one place if that is too heavy.
fn widest(weights: &[usize], middle: usize, max: usize) -> Range<usize> {
    let (mut kept, mut weight) = (middle..middle, 0);
    loop {
        let above = weights.get(kept.end);
        let below = kept.start.checked_sub(1).map(|place| &weights[place]);
        let goes_up = above.is_some() && (below.is_none() || kept.end - middle <= middle - kept.start);
        let Some(next) = (if goes_up { above } else { below }) else { return kept };
        weight += next;
        if weight > max && !kept.is_empty() {
            return kept;
        }
        if goes_up {
            kept.end += 1;
        } else {
            kept.start -= 1;
        }
    }
}

fn parts(parts: &[Part]) -> usize {
    let part = |part: &Part| match part {
        Part::Text { text: words, .. } => text(words),
        Part::Custom(json) => json.len(),
        Part::Image(FileRef { name, .. }) | Part::File(FileRef { name, .. }) => 200 + text(name),
    };
    parts.iter().map(|one| 50 + part(one)).sum()
}

fn audience(audience: &Audience) -> usize {
    match audience {
        Audience::Users(list) => users(list),
        Audience::Room | Audience::Group(_) => 0,
        Audience::Connections(connections) => 40 * connections.len(),
    }
}

fn users(users: &[UserId]) -> usize {
    users.iter().map(|user| 3 + text(user.as_str())).sum()
}

/// A text with its escapes: two bytes for quotes, backslashes and line feeds, six for other controls.
fn text(text: &str) -> usize {
    let escapes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..=0x1f => 5,
        _ => 0,
    });
    text.len() + escapes.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_cut_where_it_is_furthest_from_the_anchor() {
        let weights = [10; 10];
        for (middle, max, kept) in [
            (10, 45, 6..10),
            (0, 45, 0..4),
            (5, 45, 3..7),
            (1, 45, 0..4),
            (9, 45, 6..10),
            (5, 1_000, 0..10),
            (10, 1, 9..10),
            (0, 1, 0..1),
            (5, 1, 5..6),
        ] {
            assert_eq!(widest(&weights, middle, max), kept, "{middle} {max}");
        }
        assert_eq!(widest(&[], 0, 10), 0..0);
    }

    #[test]
    fn escapes_are_counted() {
        assert_eq!(text("a\"b\\c\n\u{1}é"), 9 + 3 + 5);
    }
}
