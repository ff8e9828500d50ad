//! Who is present on channels, and which channels have subscribers.

use fanfare_store::{
    Store,
    presence::{self, Occupied, Present},
    testing::TestDatabase,
};

use crate::support::{read, write};

super::on_both_engines!(
    a_member_is_kept_until_he_is_removed,
    a_channel_is_kept_until_it_is_vacated,
    all_are_found_page_by_page,
    an_application_is_forgotten_in_batches,
);

fn present(app: &str, channel: &str, user_id: &str) -> Present {
    Present {
        app: app.to_owned(),
        channel: channel.to_owned(),
        user_id: user_id.to_owned(),
        info: None,
        has_left: false,
    }
}

async fn members(store: &Store) -> Vec<Present> {
    read(store, |db| presence::members_after(db, None, 100)).await
}

async fn channels(store: &Store) -> Vec<(String, String)> {
    let channels = read(store, |db| presence::channels_after(db, None, 100)).await;
    channels.into_iter().map(|Occupied { app, channel }| (app, channel)).collect()
}

async fn a_member_is_kept_until_he_is_removed(database: TestDatabase) {
    let (store, _commits) = database.open();
    write(&store, |tx| {
        presence::join(tx, "", "presence-a", "ann", None)?;
        presence::join(tx, "", "presence-a", "Ann é", Some("{}"))?;
        presence::join(tx, "shop", "presence-a", "ann", None)?;
        presence::leave(tx, "", "presence-a", "ann")?;
        presence::leave(tx, "", "presence-a", "nobody")
    })
    .await;
    let capital = Present { info: Some("{}".into()), ..present("", "presence-a", "Ann é") };
    let left = Present { has_left: true, ..present("", "presence-a", "ann") };
    let other = present("shop", "presence-a", "ann");
    assert_eq!(members(&store).await, [capital.clone(), left, other.clone()], "by their bytes");
    write(&store, |tx| presence::join(tx, "", "presence-a", "ann", Some("[1]"))).await;
    let back = Present { info: Some("[1]".into()), ..present("", "presence-a", "ann") };
    assert_eq!(members(&store).await, [capital, back, other.clone()]);
    write(&store, |tx| {
        presence::remove(tx, "", "presence-a", "ann")?;
        presence::remove(tx, "", "presence-a", "Ann é")?;
        presence::remove(tx, "", "presence-b", "ann")
    })
    .await;
    assert_eq!(members(&store).await, [other]);
}

async fn a_channel_is_kept_until_it_is_vacated(database: TestDatabase) {
    let (store, _commits) = database.open();
    write(&store, |tx| {
        presence::occupy(tx, "", "a")?;
        presence::occupy(tx, "", "a")?;
        presence::occupy(tx, "shop", "a")?;
        presence::vacate(tx, "", "b")
    })
    .await;
    assert_eq!(channels(&store).await, [(String::new(), "a".into()), ("shop".into(), "a".into())]);
    write(&store, |tx| presence::vacate(tx, "", "a")).await;
    assert_eq!(channels(&store).await, [("shop".into(), "a".into())]);
}

async fn all_are_found_page_by_page(database: TestDatabase) {
    let (store, _commits) = database.open();
    let all: Vec<_> = [("", "b", "2"), ("", "a", "2"), ("", "a", "1"), ("x", "a", "1"), ("x", "a", "0")]
        .map(|(app, channel, user)| present(app, channel, user))
        .into();
    let written = all.clone();
    write(&store, move |tx| {
        for Present { app, channel, user_id, .. } in &written {
            presence::join(tx, app, channel, user_id, None)?;
            presence::occupy(tx, app, channel)?;
        }
        Ok(())
    })
    .await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = read(&store, move |db| presence::members_after(db, after.as_ref(), 2)).await;
        after = page.last().cloned();
        found.extend(page);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [2, 1, 0, 4, 3].map(|place: usize| all[place].clone()));
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = read(&store, move |db| presence::channels_after(db, after.as_ref(), 2)).await;
        after = page.last().cloned();
        found.extend(page.into_iter().map(|occupied| occupied.app + "/" + &occupied.channel));
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, ["/a", "/b", "x/a"]);
}

async fn an_application_is_forgotten_in_batches(database: TestDatabase) {
    let (store, _commits) = database.open();
    write(&store, |tx| {
        for app in ["", "shop"] {
            for name in ["a", "b", "c"] {
                presence::join(tx, app, name, name, None)?;
                presence::occupy(tx, app, name)?;
            }
        }
        Ok(())
    })
    .await;
    for expected in [2, 1, 0] {
        assert_eq!(write(&store, |tx| presence::forget_members(tx, "", 2)).await, expected);
        assert_eq!(write(&store, |tx| presence::forget_channels(tx, "", 2)).await, expected);
    }
    let (members, channels) = (members(&store).await, channels(&store).await);
    assert_eq!((members.len(), channels.len()), (3, 3));
    assert!(members.iter().all(|it| it.app == "shop") && channels.iter().all(|(app, _)| app == "shop"));
}
