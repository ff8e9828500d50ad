//! `data` of the events about webhooks.

use serde::Serialize;

use super::to_json;
use crate::webhook::Webhook;

/// The stream of the events about webhooks.
pub const WEBHOOKS_TOPIC: &str = "webhooks";

/// `data` of `webhook.disabled`.
pub fn webhook_disabled(webhook: &Webhook, reason: &str) -> String {
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
    to_json(&Data { webhook: Named { id: webhook.id, name: &webhook.name }, reason })
}
