//! A distributor that sleeps while there is nothing to hand out.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Wake, Waker},
};

use bytes::Bytes;
use shuttle::{
    future::block_on,
    sync::{Condvar, Mutex},
    thread,
};

use crate::{
    backlog::Distributor,
    check_some,
    hub::{Hub, Publishing},
    mailbox::Mailbox,
    message::{Form, Limits, Message, Position, Publication},
    topic::Join,
};

const TOPIC: &str = "t";

struct Said(u8);

impl Publication for Said {
    fn form(&self, _: Form, _: Option<Position>) -> Bytes {
        vec![self.0].into()
    }

    fn size(&self) -> usize {
        1
    }
}

/// Whether somebody has called, or it is over.
#[derive(Default)]
struct Bed {
    state: Mutex<(bool, bool)>,
    changed: Condvar,
}

impl Wake for Bed {
    fn wake(self: Arc<Self>) {
        self.state.lock().expect("whole").0 = true;
        self.changed.notify_one();
    }
}

impl Bed {
    /// Whether to go on.
    fn sleep(&self) -> bool {
        let mut state = self.state.lock().expect("whole");
        while !state.0 && !state.1 {
            state = self.changed.wait(state).expect("whole");
        }
        std::mem::take(&mut state.0)
    }

    fn end(&self) {
        self.state.lock().expect("whole").1 = true;
        self.changed.notify_one();
    }
}

fn distribute(hub: &Hub) -> (Arc<Bed>, thread::JoinHandle<()>) {
    let bed = Arc::<Bed>::default();
    hub.set_distributor(Some(Distributor { min_subscriptions: 2, waker: Waker::from(bed.clone()) }));
    let (slept_in, hub) = (bed.clone(), hub.clone());
    let distributor = thread::spawn(move || {
        while slept_in.sleep() {
            while hub.hand_out(1) {}
        }
    });
    (bed, distributor)
}

fn joined(hub: &Hub) -> Mailbox {
    let mailbox = hub.connect();
    mailbox.join(&TOPIC.into(), &Join::default(), |_| ()).expect("there is room");
    mailbox
}

fn publish(hub: &Hub, said: u8) {
    let publication: Arc<dyn Publication> = Arc::new(Said(said));
    let publishing = Publishing { publication: &publication, except: None, history: None, now_ms: 0 };
    hub.publish(&TOPIC.into(), &publishing);
}

fn hear(mailbox: &Mailbox, count: usize) -> Vec<u8> {
    let mut messages: Vec<Arc<Message>> = Vec::new();
    while messages.len() < count {
        block_on(poll_fn(|cx| mailbox.poll(cx, 9, 99, &mut messages).map(drop)));
    }
    messages.iter().map(|message| message.bytes[0]).collect()
}

fn hub() -> Hub {
    Hub::new(Limits { mailbox_max_messages: 9, mailbox_max_bytes: 99 })
}

#[test]
fn what_is_put_down_while_the_distributor_falls_asleep_is_handed_out() {
    check_some(|| {
        let hub = hub();
        let (bed, distributor) = distribute(&hub);
        let readers = [joined(&hub), joined(&hub)];
        let publisher = {
            let hub = hub.clone();
            thread::spawn(move || (1..4).for_each(|said| publish(&hub, said)))
        };
        let hearing = readers.map(|reader| thread::spawn(move || assert_eq!(hear(&reader, 3), [1, 2, 3])));
        for thread in hearing.into_iter().chain([publisher]) {
            thread.join().expect("ends well");
        }
        bed.end();
        distributor.join().expect("ends well");
        assert_eq!(hub.topics(), 0);
    });
}

#[test]
fn nothing_is_left_lying_when_the_distributor_goes_or_a_crowd_shrinks() {
    check_some(|| {
        let hub = hub();
        let (bed, distributor) = distribute(&hub);
        let (stays, goes) = (joined(&hub), joined(&hub));
        let publisher = {
            let hub = hub.clone();
            thread::spawn(move || (1..4).for_each(|said| publish(&hub, said)))
        };
        let leaves = thread::spawn(move || drop(goes));
        hub.set_distributor(None);
        assert_eq!(hear(&stays, 3), [1, 2, 3]);
        bed.end();
        for thread in [publisher, leaves, distributor] {
            thread.join().expect("ends well");
        }
    });
}
