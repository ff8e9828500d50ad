//! When a socket is asked whether it is still there, and when it is given up.

use super::effect::Settings;
use crate::timers::Tick;

/// The signs of life of one socket.
pub(super) struct Idle {
    activity_timeout_ms: u64,
    pong_timeout_ms: u64,
    heard_at: Tick,
    /// When it was pinged, if nothing came since.
    pinged_at: Option<Tick>,
}

/// What is to be done about a silent socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Ping it.
    Ping,
    /// It did not answer: close it.
    Close,
}

impl Idle {
    pub(super) fn new(settings: &Settings, now: Tick) -> Self {
        let Settings { activity_timeout_ms, pong_timeout_ms, .. } = *settings;
        Self { activity_timeout_ms, pong_timeout_ms, heard_at: now, pinged_at: None }
    }

    /// When a frame last came, or the socket was made.
    pub(super) fn heard_at(&self) -> Tick {
        self.heard_at
    }

    /// A frame came, of any kind.
    pub(super) fn heard(&mut self, now: Tick) {
        self.heard_at = now;
        self.pinged_at = None;
    }

    /// When [`Idle::wake`] is next of use.
    pub(super) fn deadline(&self) -> Tick {
        match self.pinged_at {
            Some(pinged_at) => pinged_at.plus_millis(self.pong_timeout_ms),
            None => self.heard_at.plus_millis(self.activity_timeout_ms),
        }
    }

    /// It is `now`.
    pub(super) fn wake(&mut self, now: Tick) -> Option<Silence> {
        if now < self.deadline() {
            None
        } else if self.pinged_at.is_some() {
            Some(Silence::Close)
        } else {
            self.pinged_at = Some(now);
            Some(Silence::Ping)
        }
    }
}
