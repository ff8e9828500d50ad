//! Who is present on channels, and which channels have subscribers, as far as webhooks are to be told
//! when that ends: what is still here when a server starts ended with the one before it.

use crate::{Error, Read, Tx, engine::limit};

/// A member of a presence channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// The application, as [`fanfare_model::webhook::Webhook::app`].
    pub app: String,
    /// The channel.
    pub channel: String,
    /// The member's id.
    pub user_id: String,
    /// What the others were told of him, JSON.
    pub info: Option<String>,
    /// He has left, which was told, but might have come back.
    pub has_left: bool,
}

/// A channel with subscribers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupied {
    /// The application, as [`fanfare_model::webhook::Webhook::app`].
    pub app: String,
    /// The channel.
    pub channel: String,
}

/// Writes down a member; one who is there is present again, with this info.
pub fn join(tx: &mut Tx, app: &str, channel: &str, user_id: &str, info: Option<&str>) -> Result<(), Error> {
    tx.run(
        "insert into present_members (app, channel, user_id, info, has_left) values (?1, ?2, ?3, ?4, false) \
         on conflict (app, channel, user_id) do update set info = excluded.info, has_left = false",
        &[app.into(), channel.into(), user_id.into(), info.into()],
    )?;
    Ok(())
}

/// Remembers that a member has left and may come back; nothing for one who is not there.
pub fn leave(tx: &mut Tx, app: &str, channel: &str, user_id: &str) -> Result<(), Error> {
    tx.run(
        "update present_members set has_left = true where app = ?1 and channel = ?2 and user_id = ?3",
        &[app.into(), channel.into(), user_id.into()],
    )?;
    Ok(())
}

/// Forgets a member.
pub fn remove(tx: &mut Tx, app: &str, channel: &str, user_id: &str) -> Result<(), Error> {
    tx.run(
        "delete from present_members where app = ?1 and channel = ?2 and user_id = ?3",
        &[app.into(), channel.into(), user_id.into()],
    )?;
    Ok(())
}

/// Writes down a channel that has subscribers.
pub fn occupy(tx: &mut Tx, app: &str, channel: &str) -> Result<(), Error> {
    tx.run(
        "insert into occupied_channels (app, channel) values (?1, ?2) on conflict (app, channel) do nothing",
        &[app.into(), channel.into()],
    )?;
    Ok(())
}

/// Forgets a channel.
pub fn vacate(tx: &mut Tx, app: &str, channel: &str) -> Result<(), Error> {
    tx.run("delete from occupied_channels where app = ?1 and channel = ?2", &[app.into(), channel.into()])?;
    Ok(())
}

/// The members of all applications who come after `after` in their order, at most `rows`.
pub fn members_after(db: &mut Read, after: Option<&Present>, rows: usize) -> Result<Vec<Present>, Error> {
    let (app, channel, user_id) = after.map_or(("", "", ""), |it| (&it.app, &it.channel, &it.user_id));
    db.rows(
        "select app, channel, user_id, info, has_left from present_members \
         where (app, channel, user_id) > (?1, ?2, ?3) order by app, channel, user_id limit ?4",
        &[app.into(), channel.into(), user_id.into(), limit(rows)],
        |row| {
            Ok(Present {
                app: row.get(0)?,
                channel: row.get(1)?,
                user_id: row.get(2)?,
                info: row.get(3)?,
                has_left: row.get(4)?,
            })
        },
    )
}

/// The occupied channels of all applications that come after `after` in their order, at most `rows`.
pub fn channels_after(db: &mut Read, after: Option<&Occupied>, rows: usize) -> Result<Vec<Occupied>, Error> {
    let (app, channel) = after.map_or(("", ""), |it| (&it.app, &it.channel));
    db.rows(
        "select app, channel from occupied_channels \
         where (app, channel) > (?1, ?2) order by app, channel limit ?3",
        &[app.into(), channel.into(), limit(rows)],
        |row| Ok(Occupied { app: row.get(0)?, channel: row.get(1)? }),
    )
}

/// Forgets at most `rows` members of an application; how many it were.
pub fn forget_members(tx: &mut Tx, app: &str, rows: usize) -> Result<u64, Error> {
    tx.run(
        "delete from present_members where app = ?1 and (channel, user_id) in \
         (select channel, user_id from present_members where app = ?1 order by channel, user_id limit ?2)",
        &[app.into(), limit(rows)],
    )
}

/// Forgets at most `rows` channels of an application; how many it were.
pub fn forget_channels(tx: &mut Tx, app: &str, rows: usize) -> Result<u64, Error> {
    tx.run(
        "delete from occupied_channels where app = ?1 and channel in \
         (select channel from occupied_channels where app = ?1 order by channel limit ?2)",
        &[app.into(), limit(rows)],
    )
}
