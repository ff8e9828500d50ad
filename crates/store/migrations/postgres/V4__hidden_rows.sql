-- What is written, or removed, in several transactions, and hidden meanwhile.

-- Imports of chat logs that are under way, or were cut off: their votes are hidden. Votes up to
-- `after_vote_id` are older.
create table imports (
    id bigint generated always as identity primary key,
    session_id bigint not null references sessions (id),
    after_vote_id bigint not null,
    created_at_ms bigint not null
);
create index imports_by_session on imports (session_id);

-- The import that a vote came with, which has no row any more once it has ended; 0 for one that came
-- otherwise.
alter table votes add column import_id bigint not null default 0;

-- Sessions and polls that were deleted are hidden at once and removed in batches.
alter table sessions add column deleted_at_ms bigint;
create index sessions_deleted on sessions (id) where deleted_at_ms is not null;
alter table polls add column deleted_at_ms bigint;
create index polls_deleted on polls (id) where deleted_at_ms is not null;
