/**
 * Lives of sessions, blobs and their uses, and the order in which ended runs are removed.
 *
 * `sessions.thread_floor`: a thread that was replaced goes on with higher numbers, since journals name messages by number and an
 * empty table would begin again at 1. `blob_uses.owner`: the number of a run, or of a session with a minus sign, as in `messages`.
 */
export const sessionsBlobsRetention = `
alter table sessions add column state text not null default 'open';
alter table sessions add column thread_floor integer not null default 0;
create index sessions_list on sessions (tenant, id);

create index runs_ended on runs (tenant, ended_at, id) where parent is null and ended_at is not null;

-- A blob's bytes are in a file beside the database, under its hash; the row is written after the file is on the disk.
create table blobs (
  id integer primary key,
  tenant text not null,
  hash text not null,
  size integer not null,
  stored_at real not null,
  unique (tenant, hash)
) strict;
create table blob_uses (owner integer not null, blob integer not null, primary key (owner, blob)) strict;
create index blob_uses_of on blob_uses (blob, owner);
-- Tenants share the file of equal bytes: before it goes, nobody's row may name it.
create index blobs_hash on blobs (hash);

-- Rises when a backup is restored, which voids what was held before.
create table generation (id integer primary key check (id = 1), number integer not null) strict;
insert into generation values (1, 1);

-- SQLite gives the number of the highest row again once that row is gone. A cursor of a list is such a number, and must not mean
-- another row later: new ones would stand before it and be missed.
create table last_numbers (of text primary key, number integer not null) strict;
insert into last_numbers values ('runs', 0), ('sessions', 0), ('requests', 0);
`;
