//! Pages of the drop-in script, whose native token opens the room for a day, where one of the vendor's is used up by the join.
//! So nobody else may ever be the user that the token names, and whoever was put out must be kept out.
//!
//! A name that the application chose is another user on each page. What people of the room have given to one who came by the
//! name (a mute, a ban, a role, groups) goes along to the next; what this dialect has given does not:
//!
//! ```text
//!   con_ana.1  a page comes; a native owner mutes it; it leaves
//!   con_ana.2  the name is given again, to another page: muted. The first one is not let in any more
//!   con_ana    and again, to a client of the vendor's
//! ```

use std::time::Duration;

use sidetalk_core::command::Write;
use sidetalk_core::event::{Event, LeaveReason};
use sidetalk_core::model::{Member, Mute, Timestamp, UserId, Viewer};
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_core::transaction::WriteResult;
use tokio::task::JoinSet;

use crate::book::{Bearer, Connection, KeptOut, Page, SessionKey};
use crate::ids;
use crate::state::{OpenViduState, core_role, room_key};

/// How long the native token of a page holds: a day of reconnecting.
pub(crate) const NATIVE_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// Clocks differ a little.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// For how long whoever was put out is kept out: longer than any token holds that was given before.
const KEPT_OUT: Duration = Duration::from_secs(NATIVE_TTL.as_secs() + MARGIN.as_secs());

/// How many entries are looked through for a ban that came at the same time.
const BETWEEN_MAX: usize = 1_000;

impl OpenViduState {
    /// Lets a connection be one on a page, whose native token is about to be made. The caller has the session's lock.
    pub(crate) async fn put_on_page(
        &self,
        key: &SessionKey,
        connection: Connection,
    ) -> Result<Connection, Failure> {
        let chosen = connection.chosen.as_ref().map(|user| ids::user_on_page(user, &connection.secret));
        let connection = Connection { chosen, ..connection };
        self.pass_on(key, &connection).await?;
        self.book.put_on_page(key, &connection, self.service.now().plus(KEPT_OUT)).await?;
        Ok(connection)
    }

    /// Passes a chosen name on to the user of `connection`. The caller has the session's lock.
    ///
    /// # Errors
    /// [`Refusal::Banned`] while people of the room keep out the one who came by that name before; the store's failure.
    pub(crate) async fn pass_on(&self, key: &SessionKey, connection: &Connection) -> Result<(), Failure> {
        let Some(user) = connection.chosen.as_deref() else { return Ok(()) };
        let chosen = ids::user_off_page(user);
        let bearer = self.book.bearer(key, chosen).await?;
        let bearer = bearer.unwrap_or_else(|| Bearer { user: chosen.to_owned(), role: None });
        if bearer.user == user {
            return Ok(());
        }
        let now = self.service.now();
        let room = self.service.store().room(&room_key(key)).await?;
        let member = |user: &str| room.as_ref().and_then(|room| room.members.get(user).cloned());
        let (before, after) = (member(&bearer.user).unwrap_or_default(), member(user).unwrap_or_default());
        if let Some(ban) = self.ban_of_people(key, &bearer.user, before.ban).await? {
            return Err(Refusal::Banned { until: ban.until }.into());
        }
        let earlier = UserId::new(&bearer.user).expect("it was one");
        if bearer.user != chosen && !self.service.hub().links_of(key.project, &earlier).is_empty() {
            self.end_page(key, &earlier).await?;
        }
        let given = Member {
            role: before.role.filter(|role| bearer.role.map(core_role) != Some(*role)),
            mute: before.mute.filter(|mute| mute.holds(now)),
            ..before
        };
        self.give(key, &connection.user(), &after, given).await?;
        self.book.put_bearer(key, chosen, &Bearer { user: user.to_owned(), role: None }).await
    }

    /// Gives a user what another one had.
    async fn give(
        &self,
        key: &SessionKey,
        user: &UserId,
        has: &Member,
        given: Member,
    ) -> Result<(), Failure> {
        let user = || user.clone();
        let mut writes = Vec::new();
        if given.role != has.role {
            writes.push(Write::SetRole { user: user(), role: given.role });
        }
        if given.groups != has.groups {
            writes.push(Write::SetGroups { user: user(), groups: given.groups });
        }
        if given.mute != has.mute {
            writes.push(match given.mute {
                Some(mute) => Write::Mute { user: user(), duration: self.left_of(mute) },
                None => Write::Unmute { user: user() },
            });
        }
        for write in writes {
            self.service.write(&self.server(key.project), &key.session, write).await?;
        }
        Ok(())
    }

    /// Whether a connection has a page: its token was used, and by no client of the vendor's. The caller has the session's lock.
    pub(crate) async fn is_on_page(
        &self,
        key: &SessionKey,
        connection: &Connection,
    ) -> Result<bool, Failure> {
        let is_used = self.book.token(&connection.secret).await?.is_none();
        Ok(is_used && self.book.page(key, connection.user().as_str()).await?.is_some())
    }

    /// Whether the name of a page has gone to somebody else.
    pub(crate) async fn is_passed_on(&self, key: &SessionKey, user: &UserId) -> Result<bool, Failure> {
        let chosen = ids::user_off_page(user.as_str());
        if chosen == user.as_str() {
            return Ok(false);
        }
        let bearer = self.book.bearer(key, chosen).await?;
        Ok(bearer.is_some_and(|bearer| bearer.user != user.as_str()))
    }

    /// Puts a page out for good, by whatever connections it is here. The caller has the session's lock.
    pub(crate) async fn end_page(&self, key: &SessionKey, user: &UserId) -> Result<(), Failure> {
        let server = self.server(key.project);
        for presence in self.presences(key).iter().filter(|presence| presence.identity.user == *user) {
            match self.service.cut(&server, &key.session, presence.connection, LeaveReason::Removed).await {
                // It has gone by itself.
                Ok(()) | Err(Failure::Refused(Refusal::NotFound { .. })) => {}
                Err(failure) => return Err(failure),
            }
        }
        self.keep_out(key, user).await
    }

    /// Keeps out a page: the native token would open the room again, for as long as it holds. A longer ban of people's stays.
    /// The caller has the session's lock.
    pub(crate) async fn keep_out(&self, key: &SessionKey, user: &UserId) -> Result<(), Failure> {
        let (server, now) = (self.server(key.project), self.service.now());
        // What the store says: what is live may not have heard of the last ban yet.
        let Some(room) = self.service.store().room(&room_key(key)).await? else { return Ok(()) };
        let before = room.members.get(user).and_then(|member| member.ban);
        if before.is_some_and(|ban| ban.holds(now.plus(NATIVE_TTL))) {
            return Ok(());
        }
        let mut others = self.ban_of_people(key, user.as_str(), before).await?;
        let ban = Write::Ban { user: user.clone(), duration: Some(KEPT_OUT) };
        let written = self.service.write(&server, &key.session, ban).await?;
        let WriteResult::Appended(own) = written.result else { return Ok(()) };
        // Somebody may have banned the user in the meantime.
        let viewer = Viewer::Server;
        let between = self.service.store().entries(&room_key(key), &viewer, room.head, BETWEEN_MAX).await?;
        for entry in between.entries.iter().filter(|entry| entry.seq < own.seq) {
            match &entry.event {
                Event::MemberBanned { user: banned, ban } if banned == user => others = Some(*ban),
                _ => {}
            }
        }
        if let Some(ban) = others.filter(|ban| ban.holds(now.plus(NATIVE_TTL))) {
            let ban = Write::Ban { user: user.clone(), duration: self.left_of(ban) };
            self.service.write(&server, &key.session, ban).await?;
            return Ok(());
        }
        if let Event::MemberBanned { ban: Mute { until: Some(until) }, .. } = own.event {
            let others_until = others.and_then(|ban| ban.until).map(Timestamp::as_micros);
            let page = Page { kept_out: Some(KeptOut { until: until.as_micros(), others_until }) };
            self.book.put_page(key, user, &page, until.plus(MARGIN)).await?;
        }
        Ok(())
    }

    /// Keeps out every page of a session whose native token may still be good. The caller has the session's lock.
    pub(crate) async fn keep_all_out(&self, key: &SessionKey) -> Result<(), Failure> {
        // Side by side, so that they share their commits.
        let mut all = JoinSet::new();
        for (user, page) in self.book.pages(key).await? {
            if page.kept_out.is_none() {
                let (state, key) = (self.clone(), key.clone());
                all.spawn(async move { state.keep_out(&key, &user).await });
            }
        }
        all.join_all().await.into_iter().collect()
    }

    /// The ban that holds for a user and is people's: what this dialect has written is left out.
    async fn ban_of_people(
        &self,
        key: &SessionKey,
        user: &str,
        ban: Option<Mute>,
    ) -> Result<Option<Mute>, Failure> {
        let Some(ban) = ban else { return Ok(None) };
        let own = self.book.page(key, user).await?.and_then(|page| page.kept_out);
        let people = match own.filter(|own| ban.until.map(Timestamp::as_micros) == Some(own.until)) {
            None => Some(ban),
            Some(own) => own.others_until.map(|until| Mute { until: Some(Timestamp::from_micros(until)) }),
        };
        Ok(people.filter(|ban| ban.holds(self.service.now())))
    }

    /// How long a mute or a ban goes on.
    fn left_of(&self, mute: Mute) -> Option<Duration> {
        let left = |until: Timestamp| until.as_micros().saturating_sub(self.service.now().as_micros());
        // Not nothing, which cannot be asked for.
        mute.until.map(|until| Duration::from_micros(u64::try_from(left(until)).unwrap_or(0).max(1)))
    }
}
