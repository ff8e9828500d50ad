-- How each webhook is sent to, how its receiver does, and deliveries that keep an order.
-- Null stands for what the configuration says; `headers` and `old_secrets` are JSON.

alter table webhooks add column method text not null default 'POST';
alter table webhooks add column headers text not null default '[]';
alter table webhooks add column timeout_ms bigint;
alter table webhooks add column retry_schedule_ms text;
alter table webhooks add column ordering text not null default 'none';
alter table webhooks add column max_in_flight bigint;
alter table webhooks add column rate_limit bigint;
alter table webhooks add column format text not null default 'json';
alter table webhooks add column template text;
alter table webhooks add column old_secrets text not null default '[]';
alter table webhooks add column origin text not null default 'api';
alter table webhooks add column disabled_reason text;

-- What is known of a receiver that does not do well; no row: nothing bad. A table of its own, since
-- each commit of an event holds the rows of its webhooks.
create table webhook_health (
    webhook_id bigint not null primary key,
    failures bigint not null,
    failing_since_ms bigint,
    failed_at_ms bigint,
    opens bigint not null,
    hold_until_ms bigint
);

-- A test is an event of nobody's game night: it is never delivered to others later.
alter table events add column test boolean not null default false;
update events set test = true where topic is null;
create index events_by_time on events (at_ms, id);

-- Deliveries of a webhook with the same key are made one after the other, in the order of their
-- events; null: in no order. `schedule_from` counts the attempts made before the retry schedule last
-- began.
alter table deliveries add column order_key text;
alter table deliveries add column schedule_from bigint not null default 0;
drop index deliveries_pending;
drop index deliveries_by_webhook;
create unique index deliveries_by_event on deliveries (event_id, webhook_id);
create index deliveries_pending on deliveries (webhook_id, next_at_ms, id)
    where state = 'pending' and order_key is null;
create index deliveries_ordered on deliveries (webhook_id, order_key, event_id)
    where state = 'pending' and order_key is not null;
create index deliveries_undelivered on deliveries (webhook_id, state, id)
    where state = 'failed' or state = 'held' or state = 'cancelled';
