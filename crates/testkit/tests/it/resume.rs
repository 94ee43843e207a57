//! Whatever happens in between (lost links, a restart, a deleted room, a jumping clock), a client that comes back ends with the view
//! that the server has. RELIABILITY rows 17-19.

use std::time::Duration;

use sidetalk_core::command::Write;
use sidetalk_core::model::{Audience, Draft, GroupName, MessageId, Part, Role, RoomName, TextFormat, UserId};
use sidetalk_core::ports::{PageAnchor, PageRequest};
use sidetalk_core::service::Resume;

use crate::client::Client;
use crate::rng::Rng;
use crate::stage::{Stage, person};

/// How many random runs; `SIDETALK_RESUME_RUNS` asks for more or fewer.
const RUNS: u64 = 5_000;
const STEPS: usize = 40;

#[tokio::test]
async fn every_view_equals_the_servers_after_any_resume() {
    let runs =
        std::env::var("SIDETALK_RESUME_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number of runs"));
    let mut stage = Stage::new().await;
    let mut seen = Outcomes::default();
    for seed in 0..runs {
        let mut run = Run::new(&stage, seed);
        for _ in 0..STEPS {
            run.step(&mut stage, &mut seen).await;
        }
        run.settle(&stage, &mut seen).await;
    }
    println!("{runs} runs: {seen:?}");
    assert!(
        runs < 200 || (seen.ok > 0 && seen.too_old > 0 && seen.epoch_changed > 0 && seen.restarts > 0),
        "{seen:?}"
    );
}

#[derive(Default, Debug)]
struct Outcomes {
    fresh: u32,
    ok: u32,
    too_old: u32,
    epoch_changed: u32,
    restarts: u32,
}

struct Run {
    seed: u64,
    rng: Rng,
    room: RoomName,
    clients: Vec<Client>,
    messages: Vec<MessageId>,
    connections: u128,
}

impl Run {
    fn new(stage: &Stage, seed: u64) -> Self {
        let people = [
            person("olga", Role::Owner, &[]),
            person("mia", Role::Moderator, &["staff"]),
            person("bob", Role::Member, &["staff"]),
            person("carol", Role::Member, &[]),
            person("bob", Role::Member, &["staff"]),
        ];
        Self {
            seed,
            rng: Rng::new(seed + 1),
            room: RoomName::new(&format!("room {seed}")).expect("a valid name"),
            clients: people.map(|who| Client::new(who, stage.recorder.clone())).into(),
            messages: Vec::new(),
            connections: u128::from(seed) << 32,
        }
    }

    async fn step(&mut self, stage: &mut Stage, seen: &mut Outcomes) {
        let who = self.rng.below(self.clients.len());
        match self.rng.below(100) {
            0..15 => self.toggle(who, stage, seen).await,
            15..20 => tokio::task::yield_now().await,
            20..22 => stage.clock.jump(if self.rng.once_in(2) { 3_600 } else { -3_600 }),
            22 if self.rng.once_in(20) => self.restart(stage, seen).await,
            23 if self.rng.once_in(8) => {
                // The owner deletes the room; the next who comes makes a new one of that name.
                let _ = stage.service.delete_room(&self.clients[0].principal, &self.room).await;
                self.lose_all(stage);
                self.messages.clear();
            }
            _ => self.write(who, stage).await,
        }
    }

    async fn toggle(&mut self, who: usize, stage: &Stage, seen: &mut Outcomes) {
        if self.clients[who].is_connected() {
            let waiting = self.clients[who].waiting();
            let kept = if self.rng.once_in(2) { waiting } else { self.rng.below(waiting + 1) };
            self.clients[who].lose(&stage.service, kept);
        } else {
            self.come(who, stage, seen).await;
        }
    }

    async fn come(&mut self, who: usize, stage: &Stage, seen: &mut Outcomes) {
        self.connections += 1;
        match self.clients[who].come(&stage.service, &self.room, self.connections).await {
            Some(Resume::None) => seen.fresh += 1,
            Some(Resume::Ok) => seen.ok += 1,
            Some(Resume::TooOld) => seen.too_old += 1,
            Some(Resume::EpochChanged) => seen.epoch_changed += 1,
            None => {}
        }
    }

    async fn restart(&mut self, stage: &mut Stage, seen: &mut Outcomes) {
        self.lose_all(stage);
        stage.restart().await;
        seen.restarts += 1;
    }

    fn lose_all(&mut self, stage: &Stage) {
        for client in &mut self.clients {
            let kept = self.rng.below(client.waiting() + 1);
            client.lose(&stage.service, kept);
        }
    }

    /// Does something as somebody; a refusal is as good as an entry.
    async fn write(&mut self, who: usize, stage: &Stage) {
        let write = self.any_write();
        let principal = self.clients[who].principal.clone();
        let Ok(written) = stage.service.write(&principal, &self.room, write).await else { return };
        if let sidetalk_core::transaction::WriteResult::Appended(entry) = written.result
            && let sidetalk_core::event::Event::MessagePosted(message) = &entry.event
        {
            self.messages.push(message.id);
        }
    }

    fn any_write(&mut self) -> Write {
        let Some(message) = (!self.messages.is_empty()).then(|| *self.rng.pick(&self.messages)) else {
            return Write::Post(self.draft());
        };
        let emoji = (*self.rng.pick(&["👍", "🎉"])).into();
        match self.rng.below(40) {
            0..5 => Write::Edit { message, parts: self.text(), mentions: Vec::new() },
            5..8 => Write::Delete { message },
            8..13 => Write::React { message, emoji },
            13..16 => Write::Unreact { message, emoji },
            16..18 => Write::Pin { message },
            18..20 => Write::Unpin { message },
            20 => Write::SetChatEnabled(false),
            21..24 => Write::SetChatEnabled(true),
            24 => Write::ClearHistory(self.audience()),
            _ => Write::Post(self.draft()),
        }
    }

    fn draft(&mut self) -> Draft {
        Draft { audience: self.audience(), parts: self.text(), ..Draft::text("") }
    }

    fn text(&mut self) -> Vec<Part> {
        vec![Part::Text { text: format!("text {}", self.rng.below(1_000)).into(), format: TextFormat::Plain }]
    }

    fn audience(&mut self) -> Audience {
        let user = |name| UserId::new(name).expect("a valid id");
        match self.rng.below(6) {
            0 => Audience::Group(GroupName::new("staff").expect("a valid name")),
            1 => Audience::users([user("bob"), user("carol")]),
            2 => Audience::users([user("mia"), user("bob")]),
            _ => Audience::Room,
        }
    }

    /// Brings everybody back and compares.
    async fn settle(&mut self, stage: &Stage, seen: &mut Outcomes) {
        for who in 0..self.clients.len() {
            if !self.clients[who].is_connected() {
                self.come(who, stage, seen).await;
            }
        }
        for client in &mut self.clients {
            settle(client, stage, &self.room, self.seed).await;
        }
        self.lose_all(stage);
    }
}

/// Reads until the view is the server's.
async fn settle(client: &mut Client, stage: &Stage, room: &RoomName, seed: u64) {
    let request = PageRequest { anchor: PageAnchor::Newest, limit: 300, audience: None, pinned: false };
    let page = stage.service.page(&client.principal, room, request).await.expect("the page is read");
    let enabled =
        stage.service.room(&client.principal, room).await.expect("the room is read").settings.chat_enabled;
    for _ in 0..1_000 {
        client.catch_up();
        if client.difference(&page, enabled).is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("seed {seed}: {}", client.difference(&page, enabled).unwrap_or_default());
}
