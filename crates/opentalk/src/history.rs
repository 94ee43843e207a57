//! Histories: all messages of a conversation, whole or in chunks.

use sidetalk_core::model::{Audience, Message as CoreMessage, Principal, RoomName, Seq, UserId};
use sidetalk_core::ports::{PageAnchor, PageRequest};
use sidetalk_core::refusal::Failure;
use sidetalk_core::service::Service;

use crate::rates::Pace;
use crate::to_wire::text_of;

/// How many messages a chunk has.
pub(crate) const CHUNK: usize = 100;

/// Which messages of a conversation are wanted: the newest up to `until`.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) audience: &'a Audience,
    pub(crate) until: Option<Seq>,
    /// How many at most.
    pub(crate) max: usize,
    /// At whose pace pages are read that come behind the first. `None`: nobody's, they are all for one who comes in.
    pub(crate) pace: Option<&'a Pace>,
}

/// Reads those messages that have something to show and are `for_reader`, oldest first, and no more pages than it takes.
pub(crate) async fn load(
    service: &Service,
    who: &Principal,
    room: &RoomName,
    wanted: Wanted<'_>,
    for_reader: impl Fn(&CoreMessage) -> bool,
) -> Result<Vec<CoreMessage>, Failure> {
    let Wanted { audience, until, max, pace } = wanted;
    let limit = service.limits().page_max.min(max);
    let is_shown = |message: &CoreMessage| {
        !message.is_deleted() && text_of(&message.parts).is_some() && for_reader(message)
    };
    let (mut pages, mut count) = (Vec::new(), 0);
    let mut anchor = until.map_or(PageAnchor::Newest, |until| PageAnchor::Before(until.next()));
    loop {
        let request = PageRequest { anchor, limit, audience: Some(audience.clone()), pinned: false };
        let page = service.page(who, room, request).await?;
        let oldest = page.messages.first().map(|message| message.seq);
        let shown: Vec<_> = page.messages.into_iter().filter(is_shown).collect();
        count += shown.len();
        pages.push(shown);
        let Some(oldest) = oldest.filter(|_| page.more_before && count < max) else { break };
        anchor = PageAnchor::Before(oldest);
        if let Some(pace) = pace {
            pace.turn().await;
        }
    }
    let mut all: Vec<_> = pages.into_iter().rev().flatten().collect();
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

/// The place of the newest of so many messages.
pub(crate) fn last_of<T>(messages: &[T]) -> Option<u64> {
    messages.len().checked_sub(1).map(|last| last as u64)
}

/// The chunk that ends with the message at `index`, and where the next one ends. `None`: there is no message.
pub(crate) fn chunk<T>(messages: &[T], index: Option<u64>) -> (&[T], Option<u64>) {
    let end = index.and_then(|index| usize::try_from(index).ok()).filter(|end| *end < messages.len());
    let Some(end) = end else { return (&[], None) };
    let start = end.saturating_sub(CHUNK - 1);
    (&messages[start..=end], start.checked_sub(1).map(|next| next as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_exact_at_every_edge() {
        let numbers: Vec<usize> = (0..250).collect();
        let shape = |count: usize, index: Option<u64>| {
            let (chunk, next) = chunk(&numbers[..count], index);
            (chunk.first().copied(), chunk.last().copied(), next)
        };
        let newest = |count: usize| shape(count, last_of(&numbers[..count]));
        assert_eq!(newest(0), (None, None, None));
        assert_eq!(newest(1), (Some(0), Some(0), None));
        assert_eq!(newest(100), (Some(0), Some(99), None));
        assert_eq!(newest(101), (Some(1), Some(100), Some(0)));
        assert_eq!(newest(250), (Some(150), Some(249), Some(149)));
        let asked = |index| shape(250, Some(index));
        assert_eq!(asked(149), (Some(50), Some(149), Some(49)));
        assert_eq!(asked(49), (Some(0), Some(49), None));
        assert_eq!(asked(0), (Some(0), Some(0), None));
        assert_eq!(asked(250), (None, None, None));
        assert_eq!(asked(u64::MAX), (None, None, None));
    }
}
