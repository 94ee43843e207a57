//! Projects and users.

use rusqlite::Row;
use sidetalk_core::model::{ProjectId, Timestamp, UserId};
use sidetalk_core::ports::{Project, UserProfile};

use super::db::Db;
use crate::error::Fault;
use crate::rows::{self, BadRow};

const COLUMNS: &str = "id, name, secret, previous_secret, previous_until, settings, retention, created_at";

pub(super) fn put(db: &Db, project: &Project) -> Result<(), Fault> {
    let previous = project.previous_secret.as_ref();
    db.execute(
        "INSERT OR REPLACE INTO project (id, name, secret, previous_secret, previous_until, settings, retention,
           created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            project.id.get(),
            &*project.name,
            &*project.secret,
            previous.map(|(secret, _)| &**secret),
            previous.map(|(_, until)| until.as_micros()),
            rows::project_settings_column(&project.settings),
            rows::micros_column(project.settings.retention),
            project.created_at.as_micros(),
        ),
    )?;
    Ok(())
}

pub(super) fn get(db: &Db, id: ProjectId) -> Result<Option<Project>, Fault> {
    db.one(&format!("SELECT {COLUMNS} FROM project WHERE id = ?1"), [id.get()], read)
}

pub(super) fn all(db: &Db) -> Result<Vec<Project>, Fault> {
    db.all(&format!("SELECT {COLUMNS} FROM project ORDER BY id"), [], |row| read(row).map(Some))
}

fn read(row: &Row<'_>) -> Result<Project, Fault> {
    let previous = match (row.get_ref(3)?.as_str_or_null()?, row.get::<_, Option<i64>>(4)?) {
        (Some(secret), Some(until)) => Some((secret.into(), Timestamp::from_micros(until))),
        _ => None,
    };
    Ok(Project {
        id: ProjectId::new(row.get(0)?).map_err(|_| BadRow::Value { what: "project" })?,
        name: row.get_ref(1)?.as_str()?.into(),
        secret: row.get_ref(2)?.as_str()?.into(),
        previous_secret: previous,
        settings: rows::project_settings(row.get_ref(5)?.as_str()?, row.get(6)?)?,
        created_at: Timestamp::from_micros(row.get(7)?),
    })
}

pub(super) fn put_user(db: &Db, project: ProjectId, user: &UserProfile) -> Result<(), Fault> {
    db.execute(
        "INSERT OR REPLACE INTO user (project, id, name, avatar, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        (project.get(), user.id.as_str(), &*user.name, user.avatar.as_deref(), user.created_at.as_micros()),
    )?;
    Ok(())
}

pub(super) fn user(db: &Db, project: ProjectId, user: &UserId) -> Result<Option<UserProfile>, Fault> {
    db.one(
        "SELECT id, name, avatar, created_at FROM user WHERE project = ?1 AND id = ?2",
        (project.get(), user.as_str()),
        read_user,
    )
}

pub(super) fn users(
    db: &Db,
    project: ProjectId,
    after: Option<&UserId>,
    limit: usize,
) -> Result<Vec<UserProfile>, Fault> {
    db.all(
        "SELECT id, name, avatar, created_at FROM user WHERE project = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        (project.get(), after.map_or("", UserId::as_str), i64::try_from(limit).unwrap_or(i64::MAX)),
        |row| read_user(row).map(Some),
    )
}

fn read_user(row: &Row<'_>) -> Result<UserProfile, Fault> {
    Ok(UserProfile {
        id: rows::user(row.get_ref(0)?.as_str()?)?,
        name: row.get_ref(1)?.as_str()?.into(),
        avatar: row.get_ref(2)?.as_str_or_null()?.map(Into::into),
        created_at: Timestamp::from_micros(row.get(3)?),
    })
}
