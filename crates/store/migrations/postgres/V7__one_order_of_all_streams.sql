-- The events of all streams in one order, without a gap: `place` is their seq in a stream of its own.
alter table events add column place bigint;
update events set place = numbered.place
    from (select id, row_number() over (order by id) as place from events where topic is not null) numbered
    where numbered.id = events.id;
insert into topics (topic, last_seq) select 'all', max(place) from events having max(place) is not null;
create unique index events_by_place on events (place) where place is not null;
