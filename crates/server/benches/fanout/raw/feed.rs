//! What is published to the raw loop over HTTP, by the requests that the Bun server is published to: a
//! thread reads them, answers each and hands its message on.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mio::{Poll, Waker};

use crate::{control::SAID, wire};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// The frames that were published and not yet taken.
pub(super) struct Feed {
    pub(super) addr: SocketAddr,
    waiting: Arc<Mutex<Frames>>,
}

/// Frames, one behind the other, and where each of them ends.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
}

impl Feed {
    /// Takes requests from one connection, and wakes the poll when there is something to take.
    pub(super) fn listen(poll: &Poll) -> Self {
        let waker = Waker::new(poll.registry(), SAID).expect("a waker");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("bound");
        let waiting = Arc::<Mutex<Frames>>::default();
        let frames = Arc::clone(&waiting);
        let serve = move || {
            let (stream, _) = listener.accept().expect("a publisher");
            // It ends when the publisher does.
            let _ = serve(stream, &frames, &waker);
        };
        std::thread::Builder::new().name("feed".to_owned()).spawn(serve).expect("a thread");
        Self { addr, waiting }
    }

    /// Appends what was published since the last time; whether there was anything.
    pub(super) fn take(&self, frames: &mut Frames) -> bool {
        let new = std::mem::take(&mut *locked(&self.waiting));
        let start = frames.bytes.len();
        frames.bytes.extend_from_slice(&new.bytes);
        frames.ends.extend(new.ends.iter().map(|end| start + end));
        !new.ends.is_empty()
    }
}

fn locked(frames: &Mutex<Frames>) -> MutexGuard<'_, Frames> {
    frames.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, waiting: &Mutex<Frames>, waker: &Waker) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream.try_clone()?);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            match line.trim_end().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().expect("a length");
                }
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        body.resize(length, 0);
        requests.read_exact(&mut body)?;
        let is_first = {
            let mut frames = locked(waiting);
            // The body of a request is the message as it goes out.
            wire::write_unmasked(&mut frames.bytes, wire::TEXT, &body);
            let end = frames.bytes.len();
            frames.ends.push(end);
            frames.ends.len() == 1
        };
        if is_first {
            waker.wake()?;
        }
        stream.write_all(ANSWER)?;
    }
}
