//! What changes while something is under way, and a loop that cannot go on.

use fanfare_model::signature;

use super::*;

/// Changes a webhook as the API does.
async fn change(run: &Run, webhook_id: i64, patch: WebhookPatch) {
    let changed = run.store.write(move |tx| {
        let webhook = webhooks::get(tx, webhook_id)?.expect("it is there");
        let overlap_ms = 60_000;
        let webhook = patch.applied_to(webhook, Timestamp::from_millis(1_000), overlap_ms).expect("a change");
        webhooks::update(tx, &webhook)
    });
    changed.await.expect("changed");
}

/// How often a text stands in a header of a request.
fn signatures(request: &Request) -> Vec<&str> {
    let header = request.text.split("\r\nwebhook-signature: ").nth(1).expect("signed");
    header.split("\r\n").next().expect("a line").split(' ').collect()
}

#[tokio::test]
async fn a_webhook_that_leads_elsewhere_meanwhile_is_tried_again_there_with_its_new_secret() {
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    let mut before = Receiver::start(&run.tasks).await;
    let mut after = Receiver::start(&run.tasks).await;
    let webhook_id = run.webhook(&before.url).await;
    run.emit(0, 1).await;
    let under_way = before.next().await;
    assert_eq!(signatures(&under_way).len(), 1);
    let (url, secret) = (Some(after.url.clone()), Some("new".to_owned()));
    change(&run, webhook_id, WebhookPatch { url, secret, ..WebhookPatch::default() }).await;
    under_way.answer(500).await;
    run.until_logged(webhook_id, 1).await;
    run.clock.advance(Duration::from_secs(6));
    let again = after.next().await;
    let (_, body) = again.text.split_once("\r\n\r\n").expect("a body");
    let expected = format!("x-webhook-signature: {}\r\n", signature::brief_header("new", body.as_bytes()));
    assert!(again.text.contains(&expected), "{}", again.text);
    assert_eq!(signatures(&again).len(), 2, "the old secret signs on for a while");
    assert_eq!(again.answer(200).await, "e0");
    run.until(&[("delivered", 1)]).await;
    assert!(before.requests.try_recv().is_err());
    run.stop().await;
}

#[tokio::test]
async fn what_succeeds_after_it_was_called_off_was_delivered() {
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    let mut receiver = Receiver::start(&run.tasks).await;
    let webhook_id = run.webhook(&receiver.url).await;
    run.emit(0, 2).await;
    let mut requests = [receiver.next().await, receiver.next().await];
    requests.sort_by(|a, b| a.webhook_id.cmp(&b.webhook_id));
    let cancelled = run.store.write(move |tx| {
        let first = deliveries::cancel(tx, webhook_id, 1)?;
        Ok::<_, Error>(first && deliveries::cancel(tx, webhook_id, 2)?)
    });
    assert_eq!(cancelled.await, Ok(true));
    let [first, second] = requests;
    first.answer(200).await;
    second.answer(500).await;
    run.until(&[("cancelled", 1), ("delivered", 1)]).await;
    run.until_logged(webhook_id, 2).await;
    run.clock.advance(Duration::from_mins(1));
    tokio::task::yield_now().await;
    assert!(receiver.requests.try_recv().is_err(), "what was called off is not tried again");
    run.stop().await;
}

#[tokio::test]
async fn a_loop_that_cannot_go_on_is_noticed_until_it_can() {
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    let mut receiver = Receiver::start(&run.tasks).await;
    run.webhook(&receiver.url).await;
    database.rename_table("webhook_health", "away");
    run.emit(0, 1).await;
    while run.pulse.is_beating() {
        run.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    database.rename_table("away", "webhook_health");
    while !run.pulse.is_beating() {
        run.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    // What was sent while the clock ran on may have been given up, and comes again.
    let answering = async {
        loop {
            receiver.next().await.answer(200).await;
        }
    };
    let delivered = async {
        while run.states().await != [("delivered".to_owned(), 1)] {
            run.clock.advance(Duration::from_secs(1));
        }
    };
    tokio::select! {
        () = delivered => {}
        () = answering => {}
    }
    assert!(run.pulse.is_beating());
    run.stop().await;
}
