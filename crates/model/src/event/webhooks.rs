//! `data` of the events about webhooks.

use serde::Serialize;

use super::to_json;

/// The stream of the events about webhooks.
pub const WEBHOOKS_TOPIC: &str = "webhooks";

/// `data` of `webhook.disabled`.
pub fn webhook_disabled(webhook_id: i64, name: &str, reason: &str) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        webhook: Named<'a>,
        reason: &'a str,
    }
    #[derive(Serialize)]
    struct Named<'a> {
        id: i64,
        name: &'a str,
    }
    to_json(&Data { webhook: Named { id: webhook_id, name }, reason })
}
