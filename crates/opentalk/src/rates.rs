//! How often things may be done. At the doors of rooms wrong passwords are counted, and tickets; many people come from one
//! address, so those who know the password are not counted as guessing. Inside, requests and messages are: what comes too
//! fast there is not refused but waits, because the vendor's types know no error that would say so.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sidetalk_core::model::UserId;
use sidetalk_edge::gate::Household;
use sidetalk_edge::rate::{self, Cell, KeyedRates, Limited, Rule};
use tokio::time::sleep;
use uuid::Uuid;

use crate::settings::OpenTalkSettings;

/// What was counted so far.
pub(crate) struct Rates {
    guesses_by_address: Option<KeyedRates<Household>>,
    guesses_by_room: Option<KeyedRates<Uuid>>,
    tickets_by_address: Option<KeyedRates<Household>>,
    sends_by_user: Option<KeyedRates<UserId>>,
}

/// How fast one socket is served.
pub(crate) struct Pace {
    rule: Option<Rule>,
    cell: Mutex<Cell>,
}

impl Pace {
    /// Of a socket that has asked for nothing yet.
    pub(crate) fn new(rule: Option<Rule>) -> Self {
        Self { rule, cell: Mutex::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// How long it must wait before it may be tried again; it is not counted.
    pub(crate) fn step(&self, now: Instant) -> Result<(), Duration> {
        let Some(rule) = &self.rule else { return Ok(()) };
        self.cell.lock().check(rule, now).map_err(|limited| Duration::from_millis(limited.wait_ms))
    }

    /// Counts a request as soon as it may be.
    pub(crate) async fn turn(&self) {
        while let Err(wait) = self.step(rate::now()) {
            sleep(wait).await;
        }
    }
}

impl Rates {
    /// Nobody has tried anything yet.
    pub(crate) fn new(settings: &OpenTalkSettings) -> Self {
        let addresses = |rule: Option<Rule>| rule.map(|rule| KeyedRates::new(rule, settings.rate_keys_max));
        Self {
            guesses_by_address: addresses(settings.wrong_passwords_per_address),
            guesses_by_room: settings
                .wrong_passwords_per_room
                .map(|rule| KeyedRates::new(rule, settings.rate_keys_max)),
            tickets_by_address: addresses(settings.tickets_per_address),
            sends_by_user: settings.sends_per_user.map(|rule| KeyedRates::new(rule, settings.rate_keys_max)),
        }
    }

    /// Looks whether a guess is right, and counts it if it is not.
    ///
    /// # Errors
    /// [`Limited`] if there were too many wrong ones. It is then not looked at: else guessing could go on unseen.
    pub(crate) fn guess(
        &self,
        address: Option<IpAddr>,
        room: Uuid,
        now: Instant,
        is_right: impl FnOnce() -> bool,
    ) -> Result<bool, Limited> {
        let address = self.guesses_by_address.as_ref().zip(address.map(Household::from));
        let room = self.guesses_by_room.as_ref().zip(Some(room));
        if let Some((rates, address)) = &address {
            rates.foresee(address, now)?;
        }
        if let Some((rates, room)) = &room {
            rates.foresee(room, now)?;
        }
        if is_right() {
            return Ok(true);
        }
        if let Some((rates, address)) = &address {
            rates.check(address, now)?;
        }
        if let Some((rates, room)) = &room {
            rates.check(room, now)?;
        }
        Ok(false)
    }

    /// Counts a ticket.
    ///
    /// # Errors
    /// [`Limited`] if it comes too early.
    pub(crate) fn ticket(&self, address: Option<IpAddr>, now: Instant) -> Result<(), Limited> {
        match (&self.tickets_by_address, address) {
            (Some(rates), Some(address)) => rates.check(&address.into(), now),
            _ => Ok(()),
        }
    }

    /// Counts a message as soon as it may be.
    pub(crate) async fn send(&self, user: &UserId) {
        let Some(rates) = &self.sends_by_user else { return };
        while let Err(limited) = rates.check(user, rate::now()) {
            sleep(Duration::from_millis(limited.wait_ms)).await;
        }
    }

    /// Forgets who has rested.
    pub(crate) fn sweep(&self, now: Instant) {
        for rates in [&self.guesses_by_address, &self.tickets_by_address].into_iter().flatten() {
            rates.sweep(now);
        }
        self.guesses_by_room.iter().for_each(|rates| rates.sweep(now));
        self.sends_by_user.iter().for_each(|rates| rates.sweep(now));
    }
}

#[cfg(test)]
mod tests {
    use sidetalk_core::model::ProjectId;

    use super::*;

    const ROOM: Uuid = Uuid::from_u128(1);

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    fn rates() -> Rates {
        let minute = Duration::from_secs(60);
        let project = ProjectId::new(1).expect("a valid key");
        Rates::new(&OpenTalkSettings {
            wrong_passwords_per_address: Some(Rule::per("wrong_passwords_per_address", 60, minute, 3)),
            wrong_passwords_per_room: Some(Rule::per("wrong_passwords_per_room", 60, minute, 5)),
            tickets_per_address: Some(Rule::per("tickets_per_address", 60, minute, 2)),
            ..OpenTalkSettings::new(project)
        })
    }

    #[test]
    fn only_wrong_passwords_are_counted_and_then_none_is_looked_at() {
        let (rates, now) = (rates(), rate::now());
        for _ in 0..1_000 {
            assert_eq!(rates.guess(address(1), ROOM, now, || true), Ok(true));
        }
        for _ in 0..3 {
            assert_eq!(rates.guess(address(1), ROOM, now, || false), Ok(false));
        }
        let refused = rates.guess(address(1), ROOM, now, || panic!("it is not looked at"));
        assert_eq!(refused, Err(Limited { rule: "wrong_passwords_per_address", wait_ms: 1_000 }));
        // Somebody elsewhere is not meant, until the room has had too many.
        for _ in 0..2 {
            assert_eq!(rates.guess(address(2), ROOM, now, || false), Ok(false));
        }
        let refused = rates.guess(address(3), ROOM, now, || true);
        assert_eq!(refused, Err(Limited { rule: "wrong_passwords_per_room", wait_ms: 1_000 }));
        assert_eq!(rates.guess(address(3), Uuid::from_u128(2), now, || true), Ok(true));
        let later = now + Duration::from_secs(1);
        assert_eq!(rates.guess(address(1), ROOM, later, || true), Ok(true));
    }

    #[test]
    fn a_fresh_address_of_the_same_network_is_no_other_guesser() {
        let (rates, now) = (rates(), rate::now());
        let host = |host: u16| Some(IpAddr::from([0x2001, 0xdb8, 1, 2, 0, 0, 0, host]));
        assert!((0..3).all(|number| rates.guess(host(number), ROOM, now, || false) == Ok(false)));
        assert!(rates.guess(host(9), ROOM, now, || false).is_err());
        assert!((0..2).all(|number| rates.ticket(host(number), now).is_ok()));
        assert!(rates.ticket(host(9), now).is_err());
    }

    #[test]
    fn tickets_are_counted_by_address_and_who_has_rested_is_forgotten() {
        let (rates, now) = (rates(), rate::now());
        assert!((0..2).all(|_| rates.ticket(address(1), now).is_ok()));
        assert_eq!(rates.ticket(address(1), now).map_err(|limited| limited.rule), Err("tickets_per_address"));
        assert_eq!((rates.ticket(address(2), now), rates.ticket(None, now)), (Ok(()), Ok(())));
        rates.sweep(now + Duration::from_secs(9));
        assert!(rates.tickets_by_address.as_ref().is_some_and(KeyedRates::is_empty));
        assert_eq!(rates.ticket(address(1), now), Ok(()));
    }
}
