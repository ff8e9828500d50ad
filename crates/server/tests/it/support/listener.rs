//! Someone who listens to an event stream, as a browser's `EventSource` does.

use http_body_util::BodyExt;
use hyper::{HeaderMap, body::Incoming};
use serde_json::Value;

use super::{Client, soon};

/// An open stream.
pub(crate) struct Listener {
    body: Incoming,
    buffer: String,
    pub(crate) headers: HeaderMap,
    /// What a browser would come back with.
    pub(crate) last_id: Option<String>,
}

impl Listener {
    /// Opens a stream, which must be one.
    pub(crate) async fn open(client: &Client, path: &str) -> Self {
        let (head, body) = client.open(path).await.into_parts();
        assert_eq!(head.status, 200);
        Self { body, buffer: String::new(), headers: head.headers, last_id: None }
    }

    /// The next block of lines; `None` once the stream has ended.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                return Some(self.buffer.drain(..end + 2).collect());
            }
            let frame = soon("a piece of the stream", self.body.frame()).await?.expect("a good connection");
            if let Ok(data) = frame.into_data() {
                self.buffer.push_str(str::from_utf8(&data).expect("whole messages in UTF-8"));
            }
        }
    }

    /// The next message; comments are passed over.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let mut data = None;
            for line in block.lines() {
                match line.split_once(": ") {
                    Some(("id", id)) => self.last_id = Some(id.to_owned()),
                    Some(("data", json)) => data = Some(serde_json::from_str(json).expect("JSON")),
                    _ => assert!(line.is_empty() || line.starts_with(':'), "{line}"),
                }
            }
            if let Some(data) = data {
                return data;
            }
        }
    }

    /// Waits for the end; whatever comes before is passed over.
    pub(crate) async fn end(&mut self) {
        while self.block().await.is_some() {}
    }
}
