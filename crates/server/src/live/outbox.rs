//! Whole frames on their way to one client: many of them in one write.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use fanfare_hub::Message;
use socket2::SockRef;
use tokio::{io::AsyncWrite, net::TcpStream};

/// Frames that are taken out of a mailbox for one write.
pub(super) const WRITE_MAX_FRAMES: usize = 256;
/// Their bytes, after the first frame (64 KiB).
pub(super) const WRITE_MAX_BYTES: usize = 64 << 10;
/// Pieces of memory that one write takes at most; the operating system takes no more than 1,024.
const WRITE_MAX_SLICES: usize = 64;
/// Frames up to this size are copied behind one another before they are written: one piece of memory is written
/// faster than a list of small ones.
const JOINED_MAX_BYTES: usize = 1 << 10;
/// Queue slots that are kept; what a burst needed beyond them is given back.
const KEPT_SLOTS: usize = 8;

/// Frames to be written, oldest first.
#[derive(Default)]
pub(super) struct Outbox {
    frames: VecDeque<Bytes>,
    /// Bytes of the first frame that are written.
    written: usize,
}

impl Outbox {
    /// Whether there is something to write.
    pub(super) fn has_frames(&self) -> bool {
        !self.frames.is_empty()
    }

    /// Whether a frame is cut in two: nothing else may be written before its rest.
    pub(super) fn is_within_frame(&self) -> bool {
        self.written > 0
    }

    /// An empty frame is none.
    pub(super) fn push(&mut self, frame: Bytes) {
        if !frame.is_empty() {
            self.frames.push_back(frame);
        }
    }

    /// Drops all but the rest of a frame that is cut in two.
    pub(super) fn cut(&mut self) {
        self.frames.truncate(usize::from(self.is_within_frame()));
    }

    /// Writes until it is empty.
    pub(super) fn poll_write<T: AsyncWrite + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.write_with(None, |slices| match slices {
            [slice] => Pin::new(&mut *io).poll_write(cx, slice),
            slices => Pin::new(&mut *io).poll_write_vectored(cx, slices),
        })
    }

    /// Writes what there is room for now, small frames joined in a buffer; whether that was all.
    pub(super) fn try_write(&mut self, tcp: &TcpStream, joined: &mut Vec<u8>) -> bool {
        // Past what tokio knows of the socket, which would have to be looked up: its task asks when there is no room.
        let tcp = SockRef::from(tcp);
        let written = self.write_with(Some(joined), |slices| {
            let wrote = match slices {
                [slice] => tcp.send(slice),
                slices => tcp.send_vectored(slices),
            };
            match wrote {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
                wrote => Poll::Ready(wrote),
            }
        });
        matches!(written, Poll::Ready(Ok(())))
    }

    fn write_with(
        &mut self,
        mut joined: Option<&mut Vec<u8>>,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        while let Some(first) = self.frames.front() {
            let first = &first[self.written..];
            let bytes = match (self.frames.get(1), &mut joined) {
                (None, _) => write(&[IoSlice::new(first)]),
                (Some(second), Some(joined)) if is_small(first) && is_small(second) => {
                    self.join(joined);
                    write(&[IoSlice::new(joined)])
                }
                (Some(_), _) => {
                    let mut slices = [IoSlice::new(first); WRITE_MAX_SLICES];
                    for (slice, frame) in slices.iter_mut().zip(&self.frames).skip(1) {
                        *slice = IoSlice::new(frame);
                    }
                    write(&slices[..self.frames.len().min(WRITE_MAX_SLICES)])
                }
            };
            self.wrote(ready!(bytes)?)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Copies the rest of the first frame, and those behind it up to one that is not small.
    fn join(&self, joined: &mut Vec<u8>) {
        joined.clear();
        let mut written = self.written;
        for (at, frame) in self.frames.iter().enumerate() {
            let rest = &frame[written..];
            if at > 0 && (!is_small(rest) || joined.len() + rest.len() > WRITE_MAX_BYTES) {
                break;
            }
            joined.extend_from_slice(rest);
            written = 0;
        }
    }

    fn wrote(&mut self, bytes: usize) -> io::Result<()> {
        if bytes == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.advance(bytes);
        Ok(())
    }

    fn advance(&mut self, bytes: usize) {
        let mut left = self.written + bytes;
        while let Some(first) = self.frames.front()
            && left >= first.len()
        {
            left -= first.len();
            self.frames.pop_front();
        }
        self.written = left;
        if self.frames.is_empty() && self.frames.capacity() > KEPT_SLOTS {
            self.frames.shrink_to(KEPT_SLOTS);
        }
    }
}

fn is_small(frame: &[u8]) -> bool {
    frame.len() <= JOINED_MAX_BYTES
}

/// What is taken out of a mailbox.
impl Extend<Arc<Message>> for Outbox {
    fn extend<I: IntoIterator<Item = Arc<Message>>>(&mut self, messages: I) {
        messages.into_iter().for_each(|message| self.push(message.bytes.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    proptest! {
        #[test]
        fn every_byte_comes_through_in_order(
            frames in prop::collection::vec(
                prop_oneof![20 => 0_usize..40, 1 => JOINED_MAX_BYTES - 2..JOINED_MAX_BYTES + 3],
                0..200,
            ),
            buffer in prop_oneof![1_usize..100, Just(1 << 16)],
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(async {
                let (mut ours, mut theirs) = duplex(buffer);
                let mut outbox = Outbox::default();
                let mut expected = Vec::new();
                for (n, length) in frames.iter().enumerate() {
                    let byte = u8::try_from(n % 251).expect("small");
                    expected.extend(vec![byte; *length]);
                    outbox.push(vec![byte; *length].into());
                }
                let write = async {
                    poll_fn(|cx| outbox.poll_write(&mut ours, cx)).await.expect("written");
                    drop(ours);
                    outbox.frames.capacity()
                };
                let mut got = Vec::new();
                let (kept, read) = tokio::join!(write, theirs.read_to_end(&mut got));
                read.expect("read");
                assert_eq!(got, expected);
                assert!(kept <= KEPT_SLOTS);
            });
        }
    }

    proptest! {
        #[test]
        fn frames_that_are_joined_come_through_in_order(
            frames in prop::collection::vec(
                prop_oneof![4 => 1_usize..40, 1 => 1..JOINED_MAX_BYTES * 3],
                0..400,
            ),
            rooms in prop::collection::vec(
                prop_oneof![1_usize..100, 1..JOINED_MAX_BYTES * 4, Just(1 << 20)],
                1..20,
            ),
        ) {
            let mut outbox = Outbox::default();
            let mut expected = Vec::new();
            for (n, length) in frames.into_iter().enumerate() {
                let byte = u8::try_from(n % 251).expect("small");
                expected.extend(vec![byte; length]);
                outbox.push(vec![byte; length].into());
            }
            let (mut got, mut joined, mut rooms) = (Vec::new(), Vec::new(), rooms.into_iter().cycle());
            let written = outbox.write_with(Some(&mut joined), |slices| {
                assert!(slices.len() <= WRITE_MAX_SLICES);
                let room = rooms.next().expect("endless");
                let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(room).collect();
                got.extend_from_slice(&bytes);
                Poll::Ready(Ok(bytes.len()))
            });
            assert!(matches!(written, Poll::Ready(Ok(()))), "{written:?}");
            assert_eq!(got, expected);
            assert!(joined.len() <= WRITE_MAX_BYTES);
        }
    }

    #[test]
    fn what_is_cut_off_is_never_half_a_frame() {
        let mut outbox = Outbox::default();
        for frame in ["abc", "", "def", "ghi"] {
            outbox.push(Bytes::from(frame));
        }
        outbox.advance(4);
        assert!(outbox.is_within_frame());
        outbox.cut();
        assert_eq!(outbox.frames, ["def"]);
        outbox.advance(2);
        outbox.cut();
        assert!(outbox.frames.is_empty() && !outbox.is_within_frame());
        outbox.push(Bytes::from("x"));
        outbox.cut();
        assert!(outbox.frames.is_empty());
    }
}
