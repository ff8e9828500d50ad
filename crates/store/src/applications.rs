//! Applications, whose channels never meet.

use fanfare_model::{
    Timestamp,
    application::{AppLimits, Application, OldSecret},
};

use crate::{
    Error, Notice, Read, Tx, dialect,
    engine::{Row, Value},
};

const COLUMNS: &str = "id, key, secret, old_secret, old_secret_until_ms, name, is_default, created_at_ms, \
     connections_max, channels_max_per_connection, members_max, messages_per_second, \
     client_events_per_second, data_max_bytes, client_events, subscription_counts";

/// Why an application was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Another one has this id.
    Id,
    /// Another one has this key.
    Key,
}

/// Every application: the default one, then the others in the order in which they were made.
pub fn list(db: &mut Read) -> Result<Vec<Application>, Error> {
    let order = "case when is_default then 0 else 1 end, created_at_ms, id";
    db.rows(&format!("select {COLUMNS} from applications order by {order}"), &[], from_row)
}

/// One application.
pub fn get(db: &mut Read, id: &str) -> Result<Option<Application>, Error> {
    db.row(&format!("select {COLUMNS} from applications where id = ?1"), &[id.into()], from_row)
}

/// The default one, to which the game nights belong.
pub fn default(db: &mut Read) -> Result<Option<Application>, Error> {
    db.row(&format!("select {COLUMNS} from applications where is_default"), &[], from_row)
}

/// How many there are.
pub fn count(db: &mut Read) -> Result<i64, Error> {
    let count = db.row("select count(*) from applications", &[], |row| row.get(0))?;
    count.ok_or_else(|| Error::Bug("a count has no row".into()))
}

/// Keeps everybody else from changing any application until the transaction ends.
pub fn lock(tx: &mut Tx) -> Result<(), Error> {
    if let Some(sql) = dialect::lock_applications(tx.dialect()) {
        tx.run(sql, &[])?;
    }
    Ok(())
}

/// Adds an application, unless its id or its key is taken. After [`lock`].
///
/// # Errors
/// The engine's, such as for a second default application.
pub fn insert(tx: &mut Tx, application: &Application) -> Result<Result<(), Taken>, Error> {
    if get(tx, &application.id)?.is_some() {
        return Ok(Err(Taken::Id));
    }
    if !is_free(tx, application)? {
        return Ok(Err(Taken::Key));
    }
    tx.run(
        &format!(
            "insert into applications ({COLUMNS}) \
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
        ),
        &params(application),
    )?;
    tx.notice(Notice::ApplicationsChanged);
    Ok(Ok(()))
}

/// Writes down an application as it is after a change, unless its key is another's. After [`lock`].
///
/// # Errors
/// [`Error::NotFound`] for an unknown one.
pub fn update(tx: &mut Tx, application: &Application) -> Result<Result<(), Taken>, Error> {
    if !is_free(tx, application)? {
        return Ok(Err(Taken::Key));
    }
    let changed = tx.run(
        "update applications set key = ?2, secret = ?3, old_secret = ?4, old_secret_until_ms = ?5, \
         name = ?6, is_default = ?7, created_at_ms = ?8, connections_max = ?9, \
         channels_max_per_connection = ?10, members_max = ?11, messages_per_second = ?12, \
         client_events_per_second = ?13, data_max_bytes = ?14, client_events = ?15, \
         subscription_counts = ?16 where id = ?1",
        &params(application),
    )?;
    if changed == 0 {
        return Err(Error::NotFound);
    }
    tx.notice(Notice::ApplicationsChanged);
    Ok(Ok(()))
}

/// Removes an application; returns whether it was there.
pub fn delete(tx: &mut Tx, id: &str) -> Result<bool, Error> {
    let deleted = tx.run("delete from applications where id = ?1", &[id.into()])?;
    if deleted > 0 {
        tx.notice(Notice::ApplicationsChanged);
    }
    Ok(deleted > 0)
}

/// Whether no other application has this one's key.
fn is_free(db: &mut Read, application: &Application) -> Result<bool, Error> {
    let other = "select id from applications where key = ?1 and id <> ?2";
    let other =
        db.row(other, &[(&application.key).into(), (&application.id).into()], |row| row.get::<String>(0))?;
    Ok(other.is_none())
}

/// The parameters for [`COLUMNS`].
fn params(application: &Application) -> [Value<'_>; 16] {
    let number = |number: Option<u32>| Value::from(number.map(i64::from));
    let Application { limits, old_secret, .. } = application;
    [
        (&application.id).into(),
        (&application.key).into(),
        (&application.secret).into(),
        old_secret.as_ref().map(|old| &old.secret).into(),
        old_secret.as_ref().map(|old| old.expires_at).into(),
        (&application.name).into(),
        application.is_default.into(),
        application.created_at.into(),
        number(limits.connections_max),
        number(limits.channels_max_per_connection),
        number(limits.members_max),
        number(limits.messages_per_second),
        number(limits.client_events_per_second),
        number(limits.data_max_bytes),
        limits.client_events.into(),
        limits.subscription_counts.into(),
    ]
}

/// Reads [`COLUMNS`].
fn from_row(row: &Row<'_>) -> Result<Application, Error> {
    let number = |index| {
        let number = row.get::<Option<i64>>(index)?;
        Ok::<_, Error>(number.map(|number| u32::try_from(number).unwrap_or(u32::MAX)))
    };
    let until: Option<Timestamp> = row.opt_time(4)?;
    let old_secret = row.get::<Option<String>>(3)?.zip(until);
    Ok(Application {
        id: row.get(0)?,
        key: row.get(1)?,
        secret: row.get(2)?,
        old_secret: old_secret.map(|(secret, expires_at)| OldSecret { secret, expires_at }),
        name: row.get(5)?,
        is_default: row.get(6)?,
        created_at: row.time(7)?,
        limits: AppLimits {
            connections_max: number(8)?,
            channels_max_per_connection: number(9)?,
            members_max: number(10)?,
            messages_per_second: number(11)?,
            client_events_per_second: number(12)?,
            data_max_bytes: number(13)?,
            client_events: row.get(14)?,
            subscription_counts: row.get(15)?,
        },
    })
}
