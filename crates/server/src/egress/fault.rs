//! Why a request got no answer, as one class and one line that a webhook's owner can read.
//! Never a dump of nested errors.

use std::{error::Error, io};

use fanfare_model::delivery::FaultKind;
use tokio_rustls::rustls;

/// The longest line, in characters; the rest of a longer one is cut.
const MESSAGE_MAX_CHARS: usize = 300;

/// Why there is no complete answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fault {
    /// The class.
    pub(crate) kind: FaultKind,
    /// One line, such as `connection refused`.
    pub(crate) message: String,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        let message: String = message
            .into()
            .chars()
            .map(|character| if character.is_control() { ' ' } else { character })
            .take(MESSAGE_MAX_CHARS)
            .collect();
        Self { kind, message }
    }

    /// A TCP connection that was not made.
    pub(super) fn connect(error: &io::Error) -> Self {
        Self::new(FaultKind::Connect, error.kind().to_string())
    }
}

/// What went wrong between the handshake and the response: the connector's own verdict when there
/// is one inside, else what TLS or hyper says.
pub(super) fn of_exchange(error: &(dyn Error + 'static)) -> Fault {
    if let Some(fault) = sources(error).find_map(fault_in) {
        return fault.clone();
    }
    let protocol = |message: &str| Fault::new(FaultKind::Protocol, message);
    let (broke_off, not_http) =
        ("connection closed before the response was complete", "the response is not HTTP/1");
    for cause in sources(error) {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                return Fault::new(FaultKind::Tls, format!("TLS: {error}"));
            }
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => protocol(broke_off),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => protocol(not_http),
                kind => protocol(&kind.to_string()),
            };
        }
        let Some(error) = cause.downcast_ref::<hyper::Error>() else { continue };
        if error.is_parse_too_large() {
            return protocol("the response head is too large");
        } else if error.is_parse() {
            return protocol(not_http);
        } else if error.is_incomplete_message() {
            return protocol(broke_off);
        }
    }
    protocol("connection closed")
}

/// The verdict of the connector when it is what `error` wraps, however deep; else the handshake's.
pub(super) fn of_connect(error: &(dyn Error + 'static)) -> Fault {
    match sources(error).find_map(fault_in) {
        Some(fault) => fault.clone(),
        None => Fault::new(FaultKind::Tls, format!("TLS: {error}")),
    }
}

fn fault_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Fault> {
    error.downcast_ref().or_else(|| error.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref())
}

fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
