-- Applications, whose channels never meet. Null limits stand for what the configuration says.

create table applications (
    id text collate "C" not null primary key,
    key text collate "C" not null,
    secret text collate "C" not null,
    old_secret text collate "C",
    old_secret_until_ms bigint,
    name text collate "C" not null,
    is_default boolean not null,
    created_at_ms bigint not null,
    connections_max bigint,
    channels_max_per_connection bigint,
    members_max bigint,
    messages_per_second bigint,
    client_events_per_second bigint,
    data_max_bytes bigint,
    client_events boolean not null,
    subscription_counts boolean not null
);
create unique index applications_by_key on applications (key);
create unique index applications_default on applications (is_default) where is_default;
