//! Sending twice stores once, even when answers are lost and retries overlap. RELIABILITY rows 15 and 16.

use std::collections::HashMap;

use sidetalk_core::command::Write;
use sidetalk_core::model::{ClientId, Draft, Role, RoomName, Seq, Timestamp};
use sidetalk_core::ports::{PageAnchor, PageRequest};
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_core::transaction::{WriteResult, Written};

use crate::stage::{Stage, person};

const SENDS: usize = 10_000;
const AT_ONCE: usize = 100;

/// Where and when a send was stored, as its answer says.
fn stored(written: &Written) -> (Seq, Timestamp) {
    match &written.result {
        WriteResult::Appended(entry) => (entry.seq, entry.at),
        WriteResult::Repeated(sent) => (sent.seq, sent.at),
        WriteResult::Unchanged { .. } => panic!("a post is never a no-op"),
    }
}

fn draft(number: usize) -> Draft {
    Draft {
        client_id: Some(ClientId::new(&format!("k{number}")).expect("a valid id")),
        ..Draft::text(&format!("text {number}"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_sends_with_every_third_answer_lost_are_stored_once_each() {
    let stage = Stage::new().await;
    let room = RoomName::new("retries").expect("a valid name");
    let server = person("olga", Role::Owner, &[]);
    stage.service.open_room(&server, &room, Default::default()).await.expect("the room is made");
    let mut first: HashMap<usize, (Seq, Timestamp)> = HashMap::new();
    for chunk in (0..SENDS).collect::<Vec<_>>().chunks(AT_ONCE) {
        // Every third send is sent again while the first is still on its way: its answer is as good as lost.
        let sends = chunk.iter().flat_map(|number| vec![*number; if number % 3 == 0 { 2 } else { 1 }]).map(
            |number| {
                let (service, room, who) = (stage.service.clone(), room.clone(), server.clone());
                tokio::spawn(
                    async move { (number, service.write(&who, &room, Write::Post(draft(number))).await) },
                )
            },
        );
        for send in sends.collect::<Vec<_>>() {
            let (number, written) = send.await.expect("no send panics");
            let stored = stored(&written.expect("the store works"));
            assert_eq!(*first.entry(number).or_insert(stored), stored, "a retry gets the first result");
        }
    }
    let seqs: std::collections::BTreeSet<_> = first.values().map(|(seq, _)| seq.0).collect();
    assert_eq!(seqs, (1..=SENDS as u64).collect(), "each is stored once, without gaps");
    let request = PageRequest { anchor: PageAnchor::Newest, limit: 1, audience: None, pinned: false };
    let newest = stage.service.page(&server, &room, request).await.expect("the page is read");
    assert_eq!(newest.messages[0].seq, Seq(SENDS as u64));
    let other = Draft { client_id: draft(7).client_id, ..Draft::text("another body") };
    let refused = stage.service.write(&server, &room, Write::Post(other)).await;
    assert!(matches!(refused, Err(Failure::Refused(Refusal::Conflict))), "{refused:?}");
}
