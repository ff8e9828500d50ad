-- Packs in their own right, votes, polls, and answers kept for repeated requests.

create table packs (
    id bigint generated always as identity primary key,
    name text collate "C" not null,
    favor_bias bigint not null,
    created_at_ms bigint not null
);
create unique index packs_by_name on packs (name);
insert into packs (name, favor_bias, created_at_ms)
    select pack_name, 0, min(created_at_ms) from games group by pack_name order by pack_name;

-- `user_key` is the name trimmed and case-folded; `at_ms` is the vote's own time.
create table votes (
    id bigint generated always as identity primary key,
    session_id bigint not null references sessions (id),
    game_id bigint not null references games (id),
    username text collate "C" not null,
    user_key text collate "C" not null,
    up boolean not null,
    at_ms bigint not null,
    created_at_ms bigint not null
);
create index votes_by_time on votes (at_ms, id);
create index votes_by_session on votes (session_id, at_ms, id);
create index votes_by_game on votes (game_id, at_ms, id);
create index votes_by_user on votes (user_key, at_ms, id);

-- A session's votes, counted as they are recorded.
alter table sessions add column upvotes bigint not null default 0;
alter table sessions add column downvotes bigint not null default 0;

create table polls (
    id bigint generated always as identity primary key,
    session_id bigint not null references sessions (id),
    is_open boolean not null,
    created_at_ms bigint not null,
    closes_at_ms bigint not null,
    ended_at_ms bigint,
    winner bigint,
    told_at_ms bigint not null,
    has_untold boolean not null
);
create unique index polls_open on polls (session_id) where is_open;
create index polls_by_session on polls (session_id, id);

-- What a poll's games were called when it was opened: they may be deleted later.
create table poll_options (
    poll_id bigint not null references polls (id),
    position bigint not null,
    game_id bigint not null,
    title text collate "C" not null,
    pack_name text collate "C" not null,
    min_players bigint not null,
    max_players bigint not null,
    votes bigint not null,
    primary key (poll_id, position)
);

create table poll_votes (
    poll_id bigint not null references polls (id),
    user_key text collate "C" not null,
    position bigint not null,
    primary key (poll_id, user_key)
);

-- Session games whose rooms are watched; `status` is the room's, even while the row shows a manual count.
create table room_watches (
    session_game_id bigint not null primary key references session_games (id) on delete cascade,
    room_code text collate "C" not null,
    status text collate "C" not null,
    since_ms bigint not null
);

-- Answers to requests that carried a key, so that the same request gets the same answer.
create table idempotency (
    key text collate "C" not null primary key,
    fingerprint text collate "C" not null,
    status bigint not null,
    body text collate "C" not null,
    created_at_ms bigint not null
);
create index idempotency_by_time on idempotency (created_at_ms);

create index session_games_by_game on session_games (game_id);
