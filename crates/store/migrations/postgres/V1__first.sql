-- The same logical schema as the SQLite folder; a test compares the two.
-- Times are epoch milliseconds. JSON is opaque text.

create table settings (
    key text collate "C" not null primary key,
    value text collate "C" not null
);

create table games (
    id bigint generated always as identity primary key,
    pack_name text collate "C" not null,
    title text collate "C" not null,
    min_players bigint not null,
    max_players bigint not null,
    length_minutes bigint,
    has_audience boolean not null,
    family_friendly boolean not null,
    game_type text collate "C",
    secondary_type text collate "C",
    play_count bigint not null,
    upvotes bigint not null,
    downvotes bigint not null,
    enabled boolean not null,
    favor_bias bigint not null,
    created_at_ms bigint not null
);
create unique index games_by_title on games (pack_name, title);

create table sessions (
    id bigint generated always as identity primary key,
    notes text collate "C",
    is_active boolean not null,
    created_at_ms bigint not null,
    closed_at_ms bigint,
    games_played bigint not null
);
create unique index sessions_active on sessions (is_active) where is_active;

create table session_games (
    id bigint generated always as identity primary key,
    session_id bigint not null references sessions (id),
    game_id bigint not null references games (id),
    played_at_ms bigint not null,
    manually_added boolean not null,
    status text collate "C" not null,
    room_code text collate "C",
    player_count bigint,
    player_count_check_status text collate "C"
);
create unique index session_games_playing on session_games (session_id) where status = 'playing';
create index session_games_by_time on session_games (session_id, played_at_ms, id);

create table topics (
    topic text collate "C" not null primary key,
    last_seq bigint not null
);

-- Topic and seq are null for an event that no stream carries.
create table events (
    id bigint generated always as identity primary key,
    public_id text collate "C" not null,
    topic text collate "C",
    seq bigint,
    kind text collate "C" not null,
    at_ms bigint not null,
    data text collate "C" not null
);
create unique index events_by_public_id on events (public_id);
create unique index events_by_seq on events (topic, seq);

-- A deleted webhook is hidden at once and removed in batches.
create table webhooks (
    id bigint generated always as identity primary key,
    name text collate "C" not null,
    url text collate "C" not null,
    secret text collate "C" not null,
    events text collate "C" not null,
    enabled boolean not null,
    created_at_ms bigint not null,
    deleted_at_ms bigint
);

create table webhook_events (
    pattern text collate "C" not null,
    webhook_id bigint not null references webhooks (id),
    primary key (pattern, webhook_id)
);
create index webhook_events_by_webhook on webhook_events (webhook_id);

-- No foreign keys on the next two: they would be checked for every event and every attempt.
create table deliveries (
    id bigint generated always as identity primary key,
    event_id bigint not null,
    webhook_id bigint not null,
    state text collate "C" not null,
    attempts bigint not null,
    next_at_ms bigint not null,
    test boolean not null
);
create index deliveries_pending on deliveries (webhook_id, next_at_ms, id) where state = 'pending';
create index deliveries_by_webhook on deliveries (webhook_id, state, id);

create table webhook_logs (
    id bigint generated always as identity primary key,
    webhook_id bigint not null,
    delivery_id bigint not null,
    event_id bigint not null,
    attempt bigint not null,
    at_ms bigint not null,
    duration_ms bigint not null,
    response_status bigint,
    response_head text collate "C",
    error_kind text collate "C",
    error_message text collate "C",
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
