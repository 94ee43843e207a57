//! A start with much stored, and the newest page right after it.

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::chat;
use crate::dialect::{Member, room};
use crate::frame;
use crate::histogram::Histogram;
use crate::servers::{self, Place, Target};
use crate::swarm::Caller;
use crate::tally::Seats;

const ROOMS: usize = 500;
const READS: usize = 2_000;
const PAGE: usize = 50;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct StartOutcome {
    pub messages: usize,
    pub start_ms: f64,
    pub page_p50_ms: f64,
    pub page_p99_ms: f64,
}

/// Stores `messages`, ends the server, starts it again and reads pages of rooms all over the store.
pub(crate) fn measure(place: &Place, messages: usize) -> Result<StartOutcome> {
    let each = messages.div_ceil(ROOMS);
    ensure!(each >= PAGE, "fill at least {} messages", ROOMS * PAGE);
    let server = servers::start(place, Target::Sidetalk)?;
    chat::fill(&server, Seats { rooms: ROOMS, members: 1, publishers: 1 }, each as u32)?;
    server.stop()?;

    let server = servers::start_on(place, Target::Sidetalk, &place.scratch.join("data"))?;
    let reader = Member { user: "reader".to_owned(), room: room(0), history: PAGE, ..Member::default() };
    let mut caller = Caller::new(server.address, server.dialect.clone(), reader)?;
    let mut pages = Histogram::new();
    for read in 0..READS {
        // 7 and 500 have no common factor: every room comes, neighbours do not.
        let params = format!(r#"{{"room":"{}","limit":{PAGE}}}"#, room(read * 7 % ROOMS));
        let (text, ns) = caller.call("room.history", &params)?;
        ensure!(frame::marks(&text) == PAGE, "a page with {} messages", frame::marks(&text));
        pages.record(ns);
    }
    Ok(StartOutcome {
        messages: each * ROOMS,
        start_ms: server.start_ms,
        page_p50_ms: pages.quantile_ms(0.5),
        page_p99_ms: pages.quantile_ms(0.99),
    })
}
