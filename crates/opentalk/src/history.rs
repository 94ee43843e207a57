//! Histories: all messages of a conversation, whole or in chunks.

use sidetalk_core::model::{Audience, Message as CoreMessage, Principal, RoomName, Seq, UserId};
use sidetalk_core::ports::{PageAnchor, PageRequest};
use sidetalk_core::refusal::Failure;
use sidetalk_core::service::Service;

use crate::generation::Generation;
use crate::wire::{History, Message};

/// How many messages a chunk has.
const CHUNK: usize = 100;

/// The newest messages of a conversation up to `until`, at most `max`, oldest first.
pub(crate) async fn load(
    service: &Service,
    who: &Principal,
    room: &RoomName,
    audience: &Audience,
    until: Option<Seq>,
    max: usize,
) -> Result<Vec<CoreMessage>, Failure> {
    let limit = service.limits().page_max;
    let newest = until.map_or(PageAnchor::Newest, |until| PageAnchor::Before(until.next()));
    let (mut pages, mut count, mut anchor) = (Vec::new(), 0, newest);
    loop {
        let request = PageRequest { anchor, limit, audience: Some(audience.clone()), pinned: false };
        let page = service.page(who, room, request).await?;
        let more = page.more_before;
        count += page.messages.len();
        if let Some(first) = page.messages.first() {
            anchor = PageAnchor::Before(first.seq);
        }
        let is_empty = page.messages.is_empty();
        pages.push(page.messages);
        if !more || is_empty || count >= max {
            break;
        }
    }
    let all = pages.into_iter().rev().flatten().filter(|message| !message.is_deleted());
    let mut all: Vec<_> = all.collect();
    all.drain(..all.len().saturating_sub(max));
    Ok(all)
}

/// The other people with whom the user has spoken privately.
pub(crate) async fn correspondents(
    service: &Service,
    who: &Principal,
    room: &RoomName,
    own: &UserId,
) -> Result<Vec<(UserId, Audience)>, Failure> {
    let conversations = service.unread(who, room).await?;
    let private = conversations.into_iter().filter_map(|unread| match &unread.audience {
        Audience::Users(users) if users.len() <= 2 => {
            let other = users.iter().find(|user| *user != own).unwrap_or(own).clone();
            Some((other, unread.audience))
        }
        _ => None,
    });
    Ok(private.collect())
}

/// What is told of a history when somebody comes in.
pub(crate) fn told(messages: Vec<Message>, generation: Generation) -> History {
    match generation {
        Generation::Arrays => History::Arrays(messages),
        Generation::Chunks => {
            let last = messages.len().checked_sub(1).map(|last| last as u64);
            chunk(messages, last)
        }
    }
}

/// The chunk that ends with the message at `index`; `None`: there is no message.
pub(crate) fn chunk(messages: Vec<Message>, index: Option<u64>) -> History {
    let end = index.and_then(|index| usize::try_from(index).ok()).filter(|end| *end < messages.len());
    let Some(end) = end else { return History::Chunk { messages: Vec::new(), next_index: None } };
    let start = end.saturating_sub(CHUNK - 1);
    let next_index = start.checked_sub(1).map(|next| next as u64);
    History::Chunk { messages: messages.into_iter().take(end + 1).skip(start).collect(), next_index }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::wire::Scope;

    fn messages(count: usize) -> Vec<Message> {
        let message = |index: usize| Message {
            id: Uuid::from_u128(index as u128),
            source: Uuid::nil(),
            timestamp: String::new(),
            content: index.to_string(),
            scope: Scope::Global,
            target: None,
        };
        (0..count).map(message).collect()
    }

    fn shape(history: &History) -> (Option<usize>, Option<usize>, Option<u64>) {
        let History::Chunk { messages, next_index } = history else { panic!("not a chunk") };
        let number =
            |message: Option<&Message>| message.map(|message| message.content.parse().expect("a number"));
        (number(messages.first()), number(messages.last()), *next_index)
    }

    #[test]
    fn chunks_are_exact_at_every_edge() {
        let told = |count| shape(&told(messages(count), Generation::Chunks));
        assert_eq!(told(0), (None, None, None));
        assert_eq!(told(1), (Some(0), Some(0), None));
        assert_eq!(told(100), (Some(0), Some(99), None));
        assert_eq!(told(101), (Some(1), Some(100), Some(0)));
        assert_eq!(told(250), (Some(150), Some(249), Some(149)));
        let asked = |index| shape(&chunk(messages(250), Some(index)));
        assert_eq!(asked(149), (Some(50), Some(149), Some(49)));
        assert_eq!(asked(49), (Some(0), Some(49), None));
        assert_eq!(asked(0), (Some(0), Some(0), None));
        assert_eq!(asked(250), (None, None, None));
        assert_eq!(asked(u64::MAX), (None, None, None));
    }
}
