/**
 * Lists go by time, and each condition has an index in that order. Live runs and ended ones stand apart: a run enters one index when it starts and another
 * when it ends, and what becomes of it between the two moves in neither. With whether it is a root in front of the time, so that neither roots nor
 * children stand in the way of the others. What an index of these has no part of (a live status, a pair of conditions) is looked at row by row.
 */
export const lists = `
drop index runs_list;
create index runs_live on runs (tenant, parent is null, created_at) where ended_at is null;
create index runs_final on runs (tenant, status, parent is null, created_at) where ended_at is not null;
create index runs_definition on runs (tenant, kind, definition, parent is null, created_at);
create index runs_blocked on runs (tenant, block_code, created_at) where block_code is not null;
drop index runs_ended;
create index runs_ended on runs (tenant, parent is null, ended_at) where ended_at is not null;
drop index runs_tree;
create index runs_tree on runs (tenant, root, ended_at, created_at);
drop index runs_session;
create index runs_session on runs (tenant, session, created_at) where session is not null;
drop index runs_parent;
create index runs_parent on runs (tenant, parent, created_at) where parent is not null;

drop index sessions_list;
create index sessions_list on sessions (tenant, state, created_at);

-- Runs that were taken over from a lost worker, and when the last was.
create table recoveries (id integer primary key check (id = 1), count integer not null, at real) strict;
insert into recoveries values (1, 0, null);

-- What all blobs take is a sum over the index.
drop index blobs_hash;
create index blobs_hash on blobs (hash, size);

create index requests_by on requests (tenant, decision ->> '$.by') where decision is not null;
`;
