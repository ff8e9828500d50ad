//! What requests say of a webhook, as `model::webhook` reads it.

use fanfare_model::{event, limits, webhook::FIELDS};
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{AdditionalProperties, AllOfBuilder, Type},
    },
};

use super::{
    schemas::{Switch, at_least_one},
    views::{WebhookFormat, WebhookMethod, WebhookOrdering},
};

/// http or https with a host. Nothing else is checked when it is saved; where it leads is judged when
/// something is sent there. The pattern leaves out rarer forms that are understood as well, such as
/// IPv6 addresses.
#[derive(ToSchema)]
#[schema(
    pattern = r"^[Hh][Tt][Tt][Pp][Ss]?://(([A-Za-z0-9]+(-[A-Za-z0-9]+)*\.)*[A-Za-z][A-Za-z0-9]*|((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9]))(:([0-9]{1,4}|[1-5][0-9]{4}))?([/?#][^\u0000]*)?$",
    example = "https://bot.example/hooks/fanfare"
)]
#[expect(dead_code, reason = "describes what `is_url` takes")]
struct WebhookUrl(String);

/// The name of an event, or a pattern.
struct EventName;

impl PartialSchema for EventName {
    fn schema() -> RefOr<Schema> {
        let description = "The name of an event, such as `game.added`, or a pattern: `session.*`, or `*` for all \
             events of game nights. Those of channels are named: `broadcast`, `presence_join`. Unknown names are kept, and are heard of when somebody fires one.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(limits::WEBHOOK_EVENT_MAX_CHARS))
            .description(Some(description))
            .examples([event::kind::GAME_ADDED])
            .into()
    }
}

impl ToSchema for EventName {}

/// Headers that are added to requests, by name.
struct WebhookHeaders;

impl PartialSchema for WebhookHeaders {
    fn schema() -> RefOr<Schema> {
        let description = "Added to each request. Values are never shown again; `***` keeps the one that is there. \
            Names differ in more than case, and none is one that the server sets, such as `Host`, \
            `Content-Type` or `webhook-id`.";
        let name = ObjectBuilder::new().schema_type(Type::String).pattern(Some(format!(
            "^[!#$%&'*+\\-.^_`|~0-9A-Za-z]{{1,{}}}$",
            limits::WEBHOOK_HEADER_NAME_MAX_CHARS
        )));
        let value = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(limits::WEBHOOK_HEADER_VALUE_MAX_CHARS))
            .pattern(Some("^[ -~]*$"));
        ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::Object, Type::Null]))
            .property_names(Some(name))
            .additional_properties(Some(AdditionalProperties::from(value)))
            .max_properties(Some(limits::WEBHOOK_HEADERS_MAX))
            .description(Some(description))
            .examples([json!({"Authorization": "Bearer of-the-receiver"})])
            .into()
    }
}

impl ToSchema for WebhookHeaders {}

/// A wait before another attempt.
struct RetryDelay;

impl PartialSchema for RetryDelay {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(limits::RETRY_DELAY_MIN_MS))
            .maximum(Some(limits::RETRY_DELAY_MAX_MS))
            .description(Some("A wait in milliseconds, of at most 7 days"))
            .examples([1_000])
            .into()
    }
}

impl ToSchema for RetryDelay {}

/// How a webhook is sent to, and whose events it hears. What is not given, or null, is as the configuration
/// says.
#[derive(ToSchema)]
#[schema(as = WebhookOptions)]
#[expect(dead_code, reason = "describes what `OptionsPatch::parse` reads")]
struct Options {
    /// The verb of requests; null: `POST`.
    #[schema(inline)]
    method: Option<WebhookMethod>,
    #[schema(required = false)]
    headers: WebhookHeaders,
    /// The id of the app whose events it hears; null: the default app, to which the game nights belong.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$", example = "shop")]
    app: Option<String>,
    /// How long one attempt may take, from the look-up of the name to the last byte of the answer.
    #[schema(minimum = 10, maximum = 300_000, example = 5000)]
    timeout_ms: Option<i64>,
    /// The waits after the first, second, … failed attempt; an empty list never tries again.
    #[schema(inline, max_items = 50, example = json!([1_000, 60_000, 3_600_000]))]
    retry_schedule_ms: Option<Vec<RetryDelay>>,
    /// Instead of a schedule: attempts after the first one; 3 with `retry_delay_ms` alone. No wait may be
    /// longer than 7 days.
    #[schema(minimum = 0, maximum = 50, example = 3)]
    retry_attempts: Option<i64>,
    /// Instead of a schedule: the wait before the second attempt; before the third it is twice as long, and
    /// so on. 1000 with `retry_attempts` alone.
    #[schema(minimum = 1, maximum = 604_800_000, example = 1000)]
    retry_delay_ms: Option<i64>,
    /// Which deliveries wait for each other: none, all (`fifo`), or those of one session; null: `none`.
    #[schema(inline)]
    ordering: Option<WebhookOrdering>,
    /// Requests under way at once; null: 16.
    #[schema(minimum = 1, maximum = 64, example = 4)]
    max_in_flight: Option<i64>,
    /// Requests a second; null: any number.
    #[schema(minimum = 1, maximum = 10_000, example = 50)]
    rate_limit: Option<i64>,
    /// What requests hold; null: `json`.
    #[schema(inline)]
    format: Option<WebhookFormat>,
    /// What the format `template` writes; there it is needed, elsewhere it is not taken. At most 8192
    /// bytes.
    #[schema(max_length = 8192, example = "{\"text\":\"{{ event }} at {{ timestamp }}\"}")]
    template: Option<String>,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `NewWebhook::parse` reads")]
struct NewFields {
    #[schema(min_length = 1, max_length = 1000)]
    name: String,
    url: WebhookUrl,
    /// Signs what is sent, as UTF-8 bytes; it is never shown again.
    #[schema(min_length = 1, max_length = 1000)]
    secret: String,
    #[schema(max_items = 100)]
    events: Vec<EventName>,
}

/// A webhook that is to be made.
pub(super) struct NewWebhookBody;

impl PartialSchema for NewWebhookBody {
    fn schema() -> RefOr<Schema> {
        let example = json!({
            "name": "Announcer",
            "url": "https://bot.example/hooks/fanfare",
            "secret": "a long random text",
            "events": [event::kind::GAME_ADDED, "session.*"],
            "ordering": "session",
            "timeout_ms": 5000,
        });
        AllOfBuilder::new().item(NewFields::schema()).item(Options::schema()).examples([example]).into()
    }
}

impl ToSchema for NewWebhookBody {
    fn name() -> std::borrow::Cow<'static, str> {
        "NewWebhook".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NewFields::schemas(schemas);
        Options::schemas(schemas);
    }
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `WebhookPatch::parse` reads")]
struct ChangedFields {
    #[schema(nullable = false, min_length = 1, max_length = 1000)]
    name: Option<String>,
    #[schema(nullable = false)]
    url: Option<WebhookUrl>,
    /// Signs what is sent from now on, as UTF-8 bytes; it is never shown again.
    #[schema(nullable = false, min_length = 1, max_length = 1000)]
    secret: Option<String>,
    #[schema(nullable = false, max_items = 100)]
    events: Option<Vec<EventName>>,
    /// Whether it gets deliveries; what happens meanwhile is kept for a disabled one.
    #[schema(nullable = false)]
    enabled: Option<Switch>,
}

/// What is to be changed of a webhook: at least one of the fields.
pub(super) struct WebhookPatchBody;

impl PartialSchema for WebhookPatchBody {
    fn schema() -> RefOr<Schema> {
        let example = json!({"secret": "a longer random text", "enabled": true, "timeout_ms": null});
        let fields =
            AllOfBuilder::new().item(ChangedFields::schema()).item(Options::schema()).examples([example]);
        at_least_one(fields.into(), FIELDS)
    }
}

impl ToSchema for WebhookPatchBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ChangedFields::schemas(schemas);
        Options::schemas(schemas);
    }
}
