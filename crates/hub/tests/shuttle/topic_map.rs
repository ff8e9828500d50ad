//! Topics that are made and forgotten while others use them.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use shuttle::thread;

use crate::{
    check_some,
    history::History,
    hub::{Hub, Publishing},
    mailbox::Mailbox,
    message::{Form, Limits, Message, Position, Publication, Topic},
    presence::Member,
    topic::{Announcer, Join},
};

struct Said(String);

impl Publication for Said {
    fn form(&self, _: Form, _: Option<Position>) -> Bytes {
        self.0.clone().into()
    }

    fn size(&self) -> usize {
        self.0.len()
    }
}

struct Herald;

impl Announcer for Herald {
    fn member_added(&self, _: &Topic, member: &Member) -> Arc<dyn Publication> {
        Arc::new(Said(format!("+{}", member.id)))
    }

    fn member_removed(&self, _: &Topic, member: &Member) -> Arc<dyn Publication> {
        Arc::new(Said(format!("-{}", member.id)))
    }
}

const TOPIC: &str = "t";

fn hub() -> Hub {
    Hub::announcing(Limits { mailbox_max_messages: 99, mailbox_max_bytes: 999 }, Arc::new(Herald))
}

fn publish(hub: &Hub, text: &str, history: Option<History>) -> Option<Position> {
    let publication: Arc<dyn Publication> = Arc::new(Said(text.to_owned()));
    let publishing = Publishing { publication: &publication, except: None, history, now_ms: 0 };
    hub.publish(&TOPIC.into(), &publishing).position
}

fn heard(mailbox: &Mailbox) -> Vec<(u64, String)> {
    let mut messages: Vec<Arc<Message>> = Vec::new();
    mailbox.take(usize::MAX, usize::MAX, &mut messages);
    let text = |message: &Arc<Message>| String::from_utf8(message.bytes.to_vec()).expect("a text");
    messages.iter().map(|message| (message.seq, text(message))).collect()
}

/// Runs one closure in each of some threads and waits for them.
fn together<const N: usize>(threads: [Box<dyn FnOnce() + Send>; N]) {
    for thread in threads.map(thread::spawn) {
        thread.join().expect("ends well");
    }
}

#[test]
fn whoever_has_joined_is_told_while_another_makes_the_topic_be_forgotten() {
    check_some(|| {
        let hub = hub();
        let come_and_go = |hub: Hub, text: &'static str| {
            move || {
                let mailbox = hub.connect();
                mailbox.join(&TOPIC.into(), &Join::default(), |_| ()).expect("there is room");
                publish(&hub, text, None);
                assert!(heard(&mailbox).iter().any(|(_, heard)| heard == text));
                assert!(mailbox.unsubscribe(TOPIC));
                assert_eq!(heard(&mailbox), []);
            }
        };
        together([Box::new(come_and_go(hub.clone(), "a")), Box::new(come_and_go(hub.clone(), "b"))]);
        assert_eq!((hub.topics(), hub.subscriptions(), hub.connections()), (0, 0, 0));
    });
}

#[test]
fn a_past_that_is_swept_away_takes_no_subscriber_along() {
    const SHORT: History = History { max_messages: 9, max_bytes: 99, max_age_ms: 0 };
    check_some(|| {
        let hub = hub();
        publish(&hub, "old", Some(SHORT));
        let (sweeping, joining) = (hub.clone(), hub.clone());
        let sweep = move || sweeping.sweep(1);
        let join = move || {
            let mailbox = joining.connect();
            let join = Join { history: Some(SHORT), ..Join::default() };
            let joined = mailbox.join(&TOPIC.into(), &join, |_| ()).expect("there is room");
            let before = joined.position.expect("a history");
            let place = publish(&joining, "new", Some(SHORT)).expect("a history");
            assert_eq!((place.epoch, place.offset), (before.epoch, before.offset + 1));
            assert_eq!(heard(&mailbox), [(place.offset, "new".to_owned())]);
        };
        together([Box::new(sweep), Box::new(join)]);
        hub.sweep(9);
        assert_eq!((hub.topics(), hub.subscriptions()), (0, 0));
    });
}

#[test]
fn a_list_of_members_and_the_news_after_it_fit_together() {
    check_some(|| {
        let hub = hub();
        let present = |hub: Hub, id: &'static str| {
            move || {
                let mailbox = hub.connect();
                let member = Member { id: id.into(), info: Bytes::new() };
                let join = Join { member: Some((member, 9)), ..Join::default() };
                mailbox.join(&TOPIC.into(), &join, |_| ()).expect("there is room");
            }
        };
        let watching = hub.clone();
        let watch = move || {
            let mailbox = watching.connect();
            let joined = mailbox.join(&TOPIC.into(), &Join::default(), |_| ()).expect("there is room");
            let members = joined.members.unwrap_or_default();
            let mut view: BTreeSet<String> = members.iter().map(|member| member.id.to_string()).collect();
            thread::yield_now();
            let now = watching.members(TOPIC);
            let news = heard(&mailbox);
            for (_, news) in &news {
                let (sign, id) = news.split_at(1);
                let fits = if sign == "+" { view.insert(id.to_owned()) } else { view.remove(id) };
                assert!(fits, "{news}");
            }
            // What was there at that look was there after some of the news.
            assert!(now.iter().all(|member| {
                view.contains(&*member.id) || news.iter().any(|(_, news)| news[1..] == *member.id)
            }));
        };
        together([
            Box::new(present(hub.clone(), "ann")),
            Box::new(present(hub.clone(), "ann")),
            Box::new(watch),
        ]);
        assert_eq!((hub.topics(), hub.subscriptions(), hub.connections()), (0, 0, 0));
    });
}
