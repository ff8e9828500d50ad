-- Events of all streams are told in the order of their ids, but for those whose transaction was overtaken
-- by others while it was open (PostgreSQL only): `overtaken_by` is the highest id that was told before.
alter table events add column overtaken_by bigint;
create index events_overtaken on events (overtaken_by) where overtaken_by is not null;
create index events_in_streams on events (id) where topic is not null;
