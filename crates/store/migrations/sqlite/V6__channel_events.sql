-- Events of channels, and the application whose webhooks hear of an event. The empty text stands for the
-- default application, to which the game nights belong.

alter table webhooks add column app text not null default '';
alter table events add column app text not null default '';

-- Who is present on which channel, as far as some webhook is to be told when that ends: after a restart
-- nobody is. A member who has left is kept for as long as he may still come back. `info` is JSON.
create table present_members (
    app text not null,
    channel text not null,
    user_id text not null,
    info text,
    has_left boolean not null,
    primary key (app, channel, user_id)
);

-- Channels with subscribers, likewise.
create table occupied_channels (
    app text not null,
    channel text not null,
    primary key (app, channel)
);
