//! Batches: one message that concerns several channels. They are taken one after the other, each as if it
//! had come by itself, and answered together.

use std::collections::VecDeque;

use fanfare_model::{
    channel::{ChannelName, Member},
    wire::broadcasting::{self as wire, Batch, BatchKind},
};

use super::{
    super::effect::{Ask, Denial, Effect, Effects},
    Broadcasting, denied,
};

/// A batch that is not answered yet.
pub(super) struct Running {
    mark: u64,
    kind: BatchKind,
    message_id: Option<String>,
    /// Channels that are still to be looked at, and what the client says of itself there.
    waiting: VecDeque<(String, Option<String>)>,
    succeeded: Vec<String>,
    failed: Vec<(String, String)>,
    /// Who is present, channel by channel.
    present: Vec<(String, Vec<Member>)>,
}

impl Running {
    pub(super) fn new(mark: u64, batch: Batch) -> Self {
        let Batch { kind, channels, message_id } = batch;
        let (succeeded, failed, present) = (Vec::new(), Vec::new(), Vec::new());
        Self { mark, kind, message_id, waiting: channels.into(), succeeded, failed, present }
    }

    /// Whether it is the one with this mark.
    pub(super) fn is(&self, mark: Option<u64>) -> bool {
        mark == Some(self.mark)
    }

    pub(super) fn succeeded(&mut self, channel: &str, members: Option<Vec<Member>>) {
        self.succeeded.push(channel.to_owned());
        self.present.extend(members.map(|members| (channel.to_owned(), members)));
    }

    fn failed(&mut self, channel: &str, denial: &Denial) {
        let why = match denial {
            Denial::Unauthorized(_) => "Authorization failed",
            Denial::Capacity(why) | Denial::Failed(why) => why,
        };
        self.failed.push((channel.to_owned(), why.to_owned()));
    }

    fn result(&self) -> String {
        let Self { kind, message_id, succeeded, failed, present, .. } = self;
        wire::batch_result(*kind, message_id.as_deref(), succeeded, failed, present)
    }
}

impl Broadcasting {
    /// Goes on with the batch until something has to be waited for, or it is done.
    pub(super) fn go_on(&mut self, out: &mut Effects) {
        let Some(mut batch) = self.batch.take() else { return };
        while let Some((name, channel_data)) = batch.waiting.pop_front() {
            let channel = match ChannelName::parse(&name) {
                Ok(channel) => channel,
                Err(invalid) => {
                    batch.failed.push((name, invalid.to_string()));
                    continue;
                }
            };
            if batch.kind == BatchKind::Unsubscribe {
                self.leave(&channel, out);
                batch.succeeded(&name, None);
                continue;
            }
            let ask = Ask { channel, auth: None, channel_data, resume: None, batch: Some(batch.mark) };
            match self.request(ask) {
                Ok(effect) => {
                    out.push_back(effect);
                    self.batch = Some(batch);
                    return;
                }
                Err((channel, denial)) => batch.failed(&channel, &denial),
            }
        }
        out.push_back(Effect::Send(batch.result()));
    }

    /// The socket did not get into the channel.
    pub(super) fn answer_denied(
        &mut self,
        channel: &ChannelName,
        mark: Option<u64>,
        denial: &Denial,
        out: &mut Effects,
    ) {
        match self.batch.as_mut().filter(|batch| batch.is(mark)) {
            Some(batch) => {
                batch.failed(channel, denial);
                self.go_on(out);
            }
            None => out.push_back(denied(channel, denial)),
        }
    }
}
