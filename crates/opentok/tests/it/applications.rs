//! Applications that the operator attaches while the server runs.

use serde_json::json;
use sidetalk_core::model::ProjectId;
use sidetalk_opentok::Application;
use sidetalk_opentok::application::{BadKey, CannotAttach, attach, attached, detach};
use uuid::Uuid;

use crate::app::{App, PAIRS, application, signed_by};

const ID: &str = "11111111-2222-4333-8444-555555555555";

fn second(project: u32, public_key: &str) -> Application {
    Application {
        id: Uuid::try_parse(ID).unwrap(),
        project: ProjectId::new(project).unwrap(),
        public_key: public_key.into(),
    }
}

async fn create(app: &App, pair: usize) -> u16 {
    let token = signed_by(&json!({ "application_id": ID, "exp": app.now() + 900 }), &PAIRS[pair]);
    let auth = format!("Bearer {token}");
    app.request("POST", "/session/create", &[("authorization", &auth)], "").await.status
}

#[tokio::test]
async fn an_application_comes_changes_its_key_and_goes_while_the_server_runs() {
    let app = App::start().await;
    let store = &**app.kit.service.store();
    let project = app.kit.project.id;
    assert_eq!(create(&app, 0).await, 403);
    attach(store, &second(100_001, &PAIRS[0].public_key_pem())).await.expect("it is attached");
    assert_eq!((create(&app, 0).await, create(&app, 1).await), (200, 403));
    attach(store, &second(100_001, &PAIRS[1].public_key_pem())).await.expect("it gets a new key");
    assert_eq!((create(&app, 0).await, create(&app, 1).await), (403, 200));
    let listed = attached(store, project).await.expect("the store answers");
    assert_eq!(listed.iter().map(|one| one.id.to_string()).collect::<Vec<_>>(), [ID]);
    assert!(detach(store, project, listed[0].id).await.expect("the store answers"));
    assert!(!detach(store, project, listed[0].id).await.expect("the store answers"));
    assert_eq!(create(&app, 1).await, 403);
}

#[tokio::test]
async fn an_application_belongs_to_one_project() {
    let app = App::start().await;
    app.other_project(7, "the secret of another project, which is long").await;
    let store = &**app.kit.service.store();
    let pem = PAIRS[0].public_key_pem();
    attach(store, &second(100_001, &pem)).await.expect("it is attached");
    let refused = attach(store, &second(7, &pem)).await.expect_err("it is taken");
    assert!(matches!(refused, CannotAttach::Taken(project) if project.get() == 100_001));
    assert!(!detach(store, ProjectId::new(7).unwrap(), Uuid::try_parse(ID).unwrap()).await.unwrap());
    assert_eq!(attached(store, ProjectId::new(7).unwrap()).await.unwrap(), []);
}

#[test]
fn only_public_rsa_keys_are_taken() {
    assert_eq!(application().check(), Ok(()));
    let private = Application { public_key: PAIRS[0].serialize_pem().into(), ..application() };
    assert_eq!(private.check(), Err(BadKey::Private));
    let ed = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().public_key_pem();
    for pem in ["", "hello", &ed, &"x".repeat(20_000)] {
        let application = Application { public_key: pem.into(), ..application() };
        assert!(matches!(application.check(), Err(BadKey::Unreadable(_))), "{pem:.40}");
    }
}
