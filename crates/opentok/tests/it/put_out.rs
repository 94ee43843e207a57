//! Whoever was put out of a session stays out, whatever the page still has.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use sidetalk_core::command::Write;
use sidetalk_core::event::LeaveReason;
use sidetalk_core::hub::Link;
use sidetalk_core::model::{ConnectionId, Identity, Principal, Role, RoomName, UserId};
use sidetalk_core::ports::{Closing, Outlet};
use sidetalk_core::refusal::{Failure, Refusal};
use sidetalk_core::service::{JoinWish, Joined};
use sidetalk_opentok::{DIALECT, OpenTokSettings};
use sidetalk_testkit::Setup;
use sidetalk_testkit::app::SECRET;

use crate::app::{App, KEY, claims, connection, signed};

/// A page with the native token of the exchange.
struct Page {
    token: String,
    connection: ConnectionId,
    user: UserId,
}

/// Nobody looks at what a page hears.
struct Deaf;

impl Outlet for Deaf {
    fn send(&self, _: Bytes) {}
    fn close(&self, _: Closing) {}
}

impl Page {
    /// A page that has changed a token of the vendor's which is nearly over.
    async fn of(app: &App, session: &str) -> Self {
        let said = json!({ "iss": KEY, "session_id": session, "iat": app.now(), "exp": app.now() + 2 });
        let answer = app.exchange(KEY, session, &signed(&said, SECRET)).await;
        let token = answer.json()["token"].as_str().unwrap().to_owned();
        let user = UserId::new(claims(&token)["sub"].as_str().unwrap()).unwrap();
        Self { token, connection: connection(&answer), user }
    }

    async fn join(&self, app: &App, session: &str) -> Result<Joined, Failure> {
        let identity = Identity {
            user: self.user.clone(),
            name: "Alice".into(),
            avatar: None,
            role: Role::Member,
            groups: Arc::default(),
            data: "".into(),
            rooms: Some([name(session)].into()),
            issued_at: None,
            expires_at: None,
        };
        let project = app.kit.project.id;
        let link = Link::new(self.connection, 0, DIALECT, project, Arc::new(identity), Arc::new(Deaf));
        let link = app.kit.service.connect(link);
        let wish =
            JoinWish { position: None, history: 0, presence: true, client_data: "".into(), is_back: false };
        app.kit.service.join(&link.principal(), &link, &name(session), wish).await
    }

    /// What the native API says when the page posts.
    async fn posts(&self, app: &App, session: &str) -> u16 {
        let path = format!("/api/v1/rooms/{session}/messages");
        app.kit.request(&self.token, "POST", &path, json!({ "text": "I am back" })).await.status
    }

    async fn is_kept_out(&self, app: &App, session: &str) -> bool {
        let joined = self.join(app, session).await;
        matches!(joined, Err(Failure::Refused(Refusal::Banned { .. })))
            && matches!(self.posts(app, session).await, 401 | 403)
    }
}

fn name(session: &str) -> RoomName {
    RoomName::new(session).unwrap()
}

fn operator(app: &App) -> Principal {
    Principal::server(app.kit.project.id, None)
}

/// The native token opens the room for thirty days. Whoever was put out and had a page that does not obey joined again by it,
/// long after the vendor's own token was over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_put_out_needs_another_token() {
    for way in ["of the vendor", "of ours", "kicked", "the whole sitting"] {
        let app = App::start().await;
        let session = app.session().await;
        let (page, other) = (Page::of(&app, &session).await, Page::of(&app, &session).await);
        page.join(&app, &session).await.unwrap();
        let native = app.person("nina", &session).await;
        match way {
            "of the vendor" => {
                let path = App::path(&session, &format!("/connection/{}", page.connection));
                assert_eq!(app.call("DELETE", &path, "").await.status, 204);
                // Whoever hears that it is done need not wait.
                assert!(page.is_kept_out(&app, &session).await, "{way}");
            }
            "of ours" => {
                let path = format!("/api/v1/rooms/{session}/connections/{}", page.connection);
                assert_eq!(app.kit.as_server("DELETE", &path, Value::Null).await.status, 204);
            }
            "kicked" => {
                let kick = Write::Kick { user: page.user.clone() };
                app.kit.service.write(&operator(&app), &name(&session), kick).await.unwrap();
            }
            _ => app.kit.service.end_sitting(&operator(&app), &name(&session)).await.unwrap(),
        }
        app.kit.until(way, async || page.is_kept_out(&app, &session).await).await;
        // Nobody else is hit: no other use of the vendor's token, nobody of another dialect.
        other.join(&app, &session).await.unwrap();
        assert_eq!(other.posts(&app, &session).await, 201, "{way}");
        native.join(&session, None).await.unwrap();
        // As long as the native token may be good, and not for ever.
        app.wait(30 * 86_400 + 59);
        assert!(page.is_kept_out(&app, &session).await, "{way}");
        app.wait(86_400);
        page.join(&app, &session).await.unwrap();
    }
}

#[tokio::test]
async fn a_longer_ban_that_holds_is_not_shortened() {
    let (app, clerk) = App::start_without_clerk(OpenTokSettings::default(), Setup::default()).await;
    let (session, service) = (app.session().await, &app.kit.service);
    let (server, room) = (operator(&app), name(&session));
    let mut pages = Vec::new();
    for days in [None, Some(90), Some(1)] {
        let page = Page::of(&app, &session).await;
        page.join(&app, &session).await.unwrap();
        service.cut(&server, &room, page.connection, LeaveReason::Kicked).await.unwrap();
        let duration = days.map(|days| Duration::from_secs(days * 86_400));
        service.write(&server, &room, Write::Ban { user: page.user.clone(), duration }).await.unwrap();
        pages.push(page);
    }
    app.begin(clerk);
    let until = async |page: &Page| {
        let core = service.room(&server, &room).await.unwrap();
        let until = core.members[&page.user].ban.unwrap().until;
        until.map(|until| until.as_millis() / 1_000 - app.now())
    };
    let of_the_token = 30 * 86_400;
    app.kit.until("the last one", async || until(&pages[2]).await > Some(of_the_token)).await;
    assert_eq!((until(&pages[0]).await, until(&pages[1]).await), (None, Some(90 * 86_400)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_or_is_lost_comes_back_by_the_same_token() {
    let app = App::start().await;
    let session = app.session().await;
    let page = Page::of(&app, &session).await;
    for reason in [LeaveReason::Left, LeaveReason::Lost, LeaveReason::Expired, LeaveReason::Draining] {
        let joined = page.join(&app, &session).await.unwrap();
        app.kit.service.leave(&joined.seat, reason);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    page.join(&app, &session).await.unwrap();
    assert_eq!(page.posts(&app, &session).await, 201);
}
