//! An app's own server, which signs what it asks.

use fanfare_model::{
    Timestamp,
    application::{AppLimits, Application},
    pusher::sign_request,
};

/// The application `1:key:secret`, as its own server knows it.
pub(crate) fn application() -> Application {
    Application {
        id: "1".into(),
        key: "key".into(),
        secret: "secret".into(),
        old_secret: None,
        name: "default".into(),
        limits: AppLimits::default(),
        is_default: true,
        created_at: Timestamp::EPOCH,
    }
}

/// The path, with or without a query, signed for that application.
pub(crate) fn signed(method: &str, path: &str, body: Option<&str>, now: Timestamp) -> String {
    signed_by(&application(), method, path, body, now)
}

/// The same for another application.
pub(crate) fn signed_by(
    application: &Application,
    method: &str,
    path: &str,
    body: Option<&str>,
    now: Timestamp,
) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    // Every POST says which body it has.
    let body = (method == "POST").then(|| body.unwrap_or_default().as_bytes());
    let query = sign_request(application, method, path, query, body, now).expect("it can be signed");
    format!("{path}?{query}")
}
