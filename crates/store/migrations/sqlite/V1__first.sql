-- The same logical schema as the PostgreSQL folder; a test compares the two.
-- Times are epoch milliseconds. JSON is opaque text.

create table settings (
    key text not null primary key,
    value text not null
);

create table games (
    id integer primary key autoincrement,
    pack_name text not null,
    title text not null,
    min_players bigint not null,
    max_players bigint not null,
    length_minutes bigint,
    has_audience boolean not null,
    family_friendly boolean not null,
    game_type text,
    secondary_type text,
    play_count bigint not null,
    upvotes bigint not null,
    downvotes bigint not null,
    enabled boolean not null,
    favor_bias bigint not null,
    created_at_ms bigint not null
);
create unique index games_by_title on games (pack_name, title);

create table sessions (
    id integer primary key autoincrement,
    notes text,
    is_active boolean not null,
    created_at_ms bigint not null,
    closed_at_ms bigint,
    games_played bigint not null
);
create unique index sessions_active on sessions (is_active) where is_active;

create table session_games (
    id integer primary key autoincrement,
    session_id bigint not null references sessions (id),
    game_id bigint not null references games (id),
    played_at_ms bigint not null,
    manually_added boolean not null,
    status text not null,
    room_code text,
    player_count bigint,
    player_count_check_status text
);
create unique index session_games_playing on session_games (session_id) where status = 'playing';
create index session_games_by_time on session_games (session_id, played_at_ms, id);

create table topics (
    topic text not null primary key,
    last_seq bigint not null
);

-- Topic and seq are null for an event that no stream carries.
create table events (
    id integer primary key autoincrement,
    public_id text not null,
    topic text,
    seq bigint,
    kind text not null,
    at_ms bigint not null,
    data text not null
);
create unique index events_by_public_id on events (public_id);
create unique index events_by_seq on events (topic, seq);

-- A deleted webhook is hidden at once and removed in batches.
create table webhooks (
    id integer primary key autoincrement,
    name text not null,
    url text not null,
    secret text not null,
    events text not null,
    enabled boolean not null,
    created_at_ms bigint not null,
    deleted_at_ms bigint
);

create table webhook_events (
    pattern text not null,
    webhook_id bigint not null references webhooks (id),
    primary key (pattern, webhook_id)
);
create index webhook_events_by_webhook on webhook_events (webhook_id);

-- No foreign keys on the next two: they would be checked for every event and every attempt.
create table deliveries (
    id integer primary key autoincrement,
    event_id bigint not null,
    webhook_id bigint not null,
    state text not null,
    attempts bigint not null,
    next_at_ms bigint not null,
    test boolean not null
);
create index deliveries_pending on deliveries (webhook_id, next_at_ms, id) where state = 'pending';
create index deliveries_by_webhook on deliveries (webhook_id, state, id);

create table webhook_logs (
    id integer primary key autoincrement,
    webhook_id bigint not null,
    delivery_id bigint not null,
    event_id bigint not null,
    attempt bigint not null,
    at_ms bigint not null,
    duration_ms bigint not null,
    response_status bigint,
    response_head text,
    error_kind text,
    error_message text,
    next_retry_at_ms bigint
);
create unique index webhook_logs_by_attempt on webhook_logs (delivery_id, attempt);
create index webhook_logs_by_webhook on webhook_logs (webhook_id, id);

-- One row, which counts the servers that have opened the database (PostgreSQL only): one that lost
-- its lock sees from it whether another has been here.
create table owner (
    id bigint not null primary key,
    epoch bigint not null
);
