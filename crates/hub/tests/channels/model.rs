//! What the hub should do, as naively as it can be said: everything ever published stays in a list, and
//! what is asked is worked out from the list.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Weak,
};

use bytes::Bytes;
use fanfare_hub::{Form, History, Limits, Position, Publication, Replay};

use crate::support::Said;

/// A topic and a mailbox, by number.
pub(crate) type TopicNo = usize;
pub(crate) type BoxNo = usize;

#[derive(Default)]
pub(crate) struct TopicModel {
    pub(crate) subscribers: BTreeMap<BoxNo, Subscriber>,
    /// As they came: the id, the connections.
    pub(crate) members: Vec<(String, usize)>,
    pub(crate) stream: Option<Stream>,
}

pub(crate) struct Subscriber {
    pub(crate) form: Form,
    pub(crate) member: Option<String>,
}

pub(crate) struct Stream {
    /// Learned when the hub first says it.
    pub(crate) epoch: Option<u64>,
    history: History,
    touched_ms: u64,
    pub(crate) log: Vec<Logged>,
    /// So many of the log are beyond reach.
    pub(crate) dropped: usize,
}

pub(crate) struct Logged {
    pub(crate) text: String,
    pub(crate) alive: Weak<dyn Publication>,
    at_ms: u64,
}

impl Stream {
    fn new(history: History) -> Self {
        Self { epoch: None, history, touched_ms: 0, log: Vec::new(), dropped: 0 }
    }

    /// The longest end of the log that the history allows.
    fn trim(&mut self, now_ms: u64) {
        let History { max_messages, max_bytes, max_age_ms } = self.history;
        let fits = |kept: &[Logged]| {
            let bytes: usize = kept.iter().map(|logged| logged.text.len()).sum();
            kept.len() <= max_messages
                && (bytes <= max_bytes || kept.len() == 1)
                && kept.iter().all(|logged| now_ms - logged.at_ms <= max_age_ms)
        };
        let all = self.log.len();
        self.dropped = (self.dropped..=all).find(|n| fits(&self.log[*n..])).expect("the empty end fits");
    }

    pub(crate) fn last(&self) -> u64 {
        self.log.len() as u64
    }

    /// The places and texts that are to be told; `None` if it cannot be proved that they are all.
    pub(crate) fn replay(&self, wish: Replay) -> Option<Vec<(u64, &str)>> {
        let reached = match wish {
            Replay::Last if self.dropped < self.log.len() => self.log.len() - 1,
            Replay::After(Position { offset, epoch })
                if Some(epoch) == self.epoch && (self.dropped as u64..=self.last()).contains(&offset) =>
            {
                usize::try_from(offset).expect("small")
            }
            Replay::Last | Replay::After(_) => return None,
        };
        let places = reached as u64 + 1..;
        Some(places.zip(self.log[reached..].iter().map(|logged| &*logged.text)).collect())
    }
}

impl TopicModel {
    pub(crate) fn is_known(&self) -> bool {
        !self.subscribers.is_empty() || self.stream.is_some()
    }

    pub(crate) fn keep(&mut self, history: Option<History>, now_ms: u64) {
        self.stream = history.map(|history| {
            let mut stream = self.stream.take().unwrap_or_else(|| Stream::new(history));
            stream.history = history;
            stream.touched_ms = now_ms;
            stream.trim(now_ms);
            stream
        });
    }

    /// Returns the place.
    pub(crate) fn log(&mut self, text: &str, alive: Weak<dyn Publication>, now_ms: u64) -> Option<u64> {
        let stream = self.stream.as_mut()?;
        stream.log.push(Logged { text: text.to_owned(), alive, at_ms: now_ms });
        stream.trim(now_ms);
        Some(stream.last())
    }

    pub(crate) fn sweep(&mut self, now_ms: u64) {
        let Some(stream) = &mut self.stream else { return };
        stream.trim(now_ms);
        if !self.subscribers.is_empty() {
            stream.touched_ms = now_ms;
        } else if stream.dropped == stream.log.len() && now_ms - stream.touched_ms > stream.history.max_age_ms
        {
            self.stream = None;
        }
    }

    /// `Ok(true)` for the first connection; `Err` where it is full.
    pub(crate) fn arrive(&mut self, id: &str, max_members: usize) -> Result<bool, ()> {
        if let Some((_, connections)) = self.members.iter_mut().find(|(other, _)| other == id) {
            *connections += 1;
            return Ok(false);
        }
        if self.members.len() >= max_members {
            return Err(());
        }
        self.members.push((id.to_owned(), 1));
        Ok(true)
    }

    /// Whether it was the last connection.
    pub(crate) fn depart(&mut self, id: &str) -> bool {
        let at = self.members.iter().position(|(other, _)| other == id).expect("who departs is present");
        self.members[at].1 -= 1;
        let is_last = self.members[at].1 == 0;
        if is_last {
            self.members.remove(at);
        }
        is_last
    }
}

/// A mailbox.
#[derive(Default)]
pub(crate) struct BoxModel {
    pub(crate) waiting: VecDeque<(TopicNo, u64, Bytes)>,
    pub(crate) overflowed: bool,
    pub(crate) signals: u8,
}

impl BoxModel {
    /// Whether it was queued.
    pub(crate) fn push(&mut self, limits: Limits, topic: TopicNo, seq: u64, bytes: Bytes) -> bool {
        let waiting_bytes: usize = self.waiting.iter().map(|(_, _, bytes)| bytes.len()).sum();
        if self.waiting.len() >= limits.mailbox_max_messages
            || waiting_bytes + bytes.len() > limits.mailbox_max_bytes
        {
            self.overflowed = true;
            self.waiting.clear();
        }
        if !self.overflowed {
            self.waiting.push_back((topic, seq, bytes));
        }
        !self.overflowed
    }

    pub(crate) fn forget(&mut self, topic: TopicNo) {
        self.waiting.retain(|(other, _, _)| *other != topic);
    }

    pub(crate) fn forget_counted(&mut self, topic: TopicNo) {
        self.waiting.retain(|(other, seq, _)| *other != topic || *seq == 0);
    }

    pub(crate) fn take(&mut self, max_messages: usize, max_bytes: usize) -> Vec<(TopicNo, u64, Bytes)> {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < max_messages
            && let Some(next) = self.waiting.front()
            && (taken.is_empty() || bytes + next.2.len() <= max_bytes)
        {
            bytes += next.2.len();
            taken.extend(self.waiting.pop_front());
        }
        taken
    }
}

pub(crate) struct World {
    pub(crate) limits: Limits,
    pub(crate) topics: Vec<TopicModel>,
    pub(crate) boxes: Vec<BoxModel>,
    epochs: BTreeSet<u64>,
}

impl World {
    pub(crate) fn new(limits: Limits, topics: usize, boxes: usize) -> Self {
        Self {
            limits,
            topics: (0..topics).map(|_| TopicModel::default()).collect(),
            boxes: (0..boxes).map(|_| BoxModel::default()).collect(),
            epochs: BTreeSet::new(),
        }
    }

    /// Tells everybody but one.
    pub(crate) fn tell(&mut self, topic: TopicNo, text: &str, place: Option<u64>, except: Option<BoxNo>) {
        let position = place.map(|offset| Position { offset, epoch: 0 });
        for (number, subscriber) in &self.topics[topic].subscribers {
            if Some(*number) != except {
                let bytes = Said::told(text, subscriber.form, position);
                self.boxes[*number].push(self.limits, topic, place.unwrap_or(0), bytes);
            }
        }
    }

    /// The hub says where a topic stands: the offset as it should be, the epoch as it was or a new one.
    pub(crate) fn check_position(&mut self, topic: TopicNo, said: Option<Position>) {
        let stream = self.topics[topic].stream.as_mut();
        assert_eq!(said.map(|said| said.offset), stream.as_ref().map(|stream| stream.last()));
        if let (Some(said), Some(stream)) = (said, stream) {
            let epochs = &mut self.epochs;
            let epoch = *stream.epoch.get_or_insert_with(|| {
                assert!(epochs.insert(said.epoch), "an epoch has come again");
                said.epoch
            });
            assert_eq!(said.epoch, epoch);
        }
    }
}
