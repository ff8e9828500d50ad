//! Deliveries in their host's hands: listed, sent again, called off.

use fanfare_model::delivery::{Delivery, DeliveryState, Next};
use fanfare_store::{
    Notice, Store,
    deliveries::{self, Settlement},
    testing::TestDatabase,
    webhooks,
};

use crate::support::{add_webhook, answer, at, emit_many, read, received, settle, settlement, states, write};

super::on_both_engines!(
    deliveries_are_listed_by_state_newest_first,
    one_delivery_is_told,
    any_delivery_can_be_sent_again,
    what_is_not_over_can_be_called_off,
);

/// Deliveries 1 to 6 of one webhook: pending without and with an order, delivered, failed, held, called off.
async fn one_of_each(database: &TestDatabase) -> (Store, i64) {
    let (store, _) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let events = emit_many(&store, 6).await;
    database.execute("update deliveries set order_key = 'k' where id = 2");
    let failed =
        Settlement { outcome: answer(500), next: Next::Failed, ..settlement(4, webhook_id, events[3]) };
    settle(&store, vec![settlement(3, webhook_id, events[2]), failed]).await;
    database.execute("update deliveries set state = 'held' where id = 5");
    assert!(write(&store, move |tx| deliveries::cancel(tx, webhook_id, 6)).await);
    (store, webhook_id)
}

async fn listed(store: &Store, webhook_id: i64, state: DeliveryState, before: i64, rows: usize) -> Vec<i64> {
    let listed = read(store, move |db| deliveries::list(db, webhook_id, state, before, rows)).await;
    assert!(listed.iter().all(|delivery| delivery.state == state && delivery.webhook_id == webhook_id));
    listed.into_iter().map(|delivery| delivery.id).collect()
}

async fn deliveries_are_listed_by_state_newest_first(database: TestDatabase) {
    use DeliveryState::{Cancelled, Delivered, Failed, Held, Pending};
    let (store, id) = one_of_each(&database).await;
    for (state, expected) in
        [(Pending, vec![2, 1]), (Delivered, vec![]), (Failed, vec![4]), (Held, vec![5]), (Cancelled, vec![6])]
    {
        assert_eq!(listed(&store, id, state, i64::MAX, 10).await, expected, "{state:?}");
    }
    assert_eq!(listed(&store, id, Pending, i64::MAX, 1).await, [2]);
    assert_eq!(listed(&store, id, Pending, 2, 1).await, [1], "a page begins below the one before");
    assert_eq!(listed(&store, id, Pending, 1, 1).await, Vec::<i64>::new());
    let other = add_webhook(&store, &["*"]).await.id;
    assert_eq!(listed(&store, other, Failed, i64::MAX, 10).await, Vec::<i64>::new());
    write(&store, move |tx| webhooks::delete(tx, id, at(3))).await;
    assert_eq!(listed(&store, id, Failed, i64::MAX, 10).await, Vec::<i64>::new());
    assert_eq!(read(&store, move |db| deliveries::get(db, id, 4)).await, None);
}

async fn one_delivery_is_told(database: TestDatabase) {
    let (store, webhook_id) = one_of_each(&database).await;
    let get = |webhook_id, id| read(&store, move |db| deliveries::get(db, webhook_id, id));
    let pending = Delivery {
        id: 1,
        webhook_id,
        event_id: "e0".into(),
        event_type: "game.added".into(),
        event_at: at(1_000),
        payload: r#"{"n":""}"#.into(),
        state: DeliveryState::Pending,
        attempts: 0,
        next_at: Some(at(1_000)),
    };
    assert_eq!(get(webhook_id, 1).await, Some(pending));
    let delivered = get(webhook_id, 3).await.expect("it is there");
    assert_eq!((delivered.state, delivered.attempts), (DeliveryState::Delivered, 1));
    assert_eq!(delivered.next_at, None, "it is over");
    assert_eq!(get(webhook_id, 99).await, None);
    let other = add_webhook(&store, &["*"]).await.id;
    assert_eq!(get(other, 1).await, None, "it is another's");
}

async fn any_delivery_can_be_sent_again(database: TestDatabase) {
    let (store, webhook_id) = one_of_each(&database).await;
    let other = add_webhook(&store, &["*"]).await.id;
    let resend = |webhook_id, id| write(&store, move |tx| deliveries::resend(tx, webhook_id, id, at(7_000)));
    assert!(!resend(other, 4).await && !resend(webhook_id, 99).await);
    for id in 1..=6 {
        assert!(resend(webhook_id, id).await);
    }
    let attempts = [0, 0, 1, 1, 0, 0];
    let expected: Vec<_> = (1..).zip(attempts).map(|(id, n)| format!("{id} pending {n} 7000")).collect();
    assert_eq!(states(&store).await, expected);
    let due = read(&store, move |db| deliveries::due(db, webhook_id, at(7_000), 10)).await;
    let told: Vec<_> = due.iter().map(|due| (due.id, due.attempts, due.schedule_from)).collect();
    let expected = [(1, 0, 0), (3, 1, 1), (4, 1, 1), (5, 0, 0), (6, 0, 0)];
    assert_eq!(told, expected, "the schedule begins anew, the attempts are counted on");
    let in_order = read(&store, move |db| deliveries::due_in_order(db, webhook_id, at(7_000), 9, 9)).await;
    assert_eq!(in_order.keys[0].due[0].id, 2, "and the order is kept");
}

async fn what_is_not_over_can_be_called_off(database: TestDatabase) {
    let (store, webhook_id) = one_of_each(&database).await;
    let cancel = |webhook_id, id| write(&store, move |tx| deliveries::cancel(tx, webhook_id, id));
    let other = add_webhook(&store, &["*"]).await.id;
    assert!(!cancel(other, 1).await && !cancel(webhook_id, 99).await);
    for (id, can_be) in [(1, true), (2, true), (3, false), (4, true), (5, true), (6, false)] {
        assert_eq!(cancel(webhook_id, id).await, can_be, "{id}");
    }
    let words: Vec<_> =
        states(&store).await.iter().map(|row| row.split(' ').nth(1).map(str::to_owned)).collect();
    let expected = ["cancelled", "cancelled", "delivered", "cancelled", "cancelled", "cancelled"];
    assert_eq!(words, expected.map(|word| Some(word.to_owned())));
}

#[tokio::test]
async fn what_changes_deliveries_is_noticed() {
    let database = TestDatabase::sqlite();
    let (store, mut commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    emit_many(&store, 1).await;
    received(&mut commits).await;
    write(&store, move |tx| deliveries::cancel(tx, webhook_id, 1)).await;
    write(&store, move |tx| deliveries::cancel(tx, webhook_id, 1)).await;
    write(&store, move |tx| deliveries::resend(tx, webhook_id, 1, at(2))).await;
    write(&store, move |tx| deliveries::resend(tx, webhook_id, 99, at(2))).await;
    let notices: Vec<_> = received(&mut commits).await.into_iter().map(|commit| commit.notices).collect();
    assert_eq!(notices, vec![vec![Notice::DeliveriesChanged(webhook_id)]; 2]);
}
