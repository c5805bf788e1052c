/**
 * Plain rowid tables throughout: WITHOUT ROWID keeps about a quarter page per row and pays an overflow page for the rest, three
 * times the disk for 1 KB rows. A run is its integer number in every other table, so that an entry stays small.
 *
 * What a step writes stands apart from what a transition changes (`runs`) and from what is large (`run_bodies`): a step's commit
 * adds rows to `entries` and touches nothing else. Times are `real`, since a deadline may have a fraction of a millisecond.
 */
export const initial = `
-- The store's clock never goes back: the highest time that was acted on without an entry that shows it.
create table clock (id integer primary key check (id = 1), at real not null) strict;
insert into clock values (1, 0);

-- Who holds leases. A holder that is not in here any more is gone, and its leases were ended. Numbers are never used again.
create table holders (id integer primary key autoincrement, process text not null unique) strict;

create table sessions (
  id integer primary key,
  tenant text not null,
  name text not null,
  active_run text,
  created_at real not null,
  unique (tenant, name)
) strict;

create table runs (
  id integer primary key,
  tenant text not null,
  name text not null,
  kind text not null,
  definition text not null,
  version text not null,
  input_hash text not null,
  session text,
  root text not null,
  parent text,
  parent_key text,
  depth integer not null,
  priority integer not null,
  created_at real not null,
  status text not null,
  epoch integer not null,
  seen integer not null,
  lost integer not null,
  cancel text not null,
  in_queue integer not null,
  ready_at real,
  wake_at real,
  lease_until real,
  holder integer,
  worker text,
  ended_at real,
  block_code text,
  block_request text,
  unique (tenant, name)
) strict;
-- Two orders for what can be claimed now and what can be claimed later: one index over both would be read through all
-- timers of the future. The conditions are the ones that the queries spell out, else the planner cannot prove them.
create index runs_ready on runs (priority desc, ready_at, id) where ready_at is not null;
create index runs_timers on runs (wake_at, id) where wake_at is not null;
create index runs_leases on runs (lease_until, id) where lease_until is not null;
create index runs_queue on runs (tenant, session, id) where in_queue = 1;
create index runs_tree on runs (tenant, root, ended_at);
create index runs_list on runs (tenant, id);
create index runs_session on runs (tenant, session, id) where session is not null;
create index runs_parent on runs (tenant, parent, id) where parent is not null;

create table run_bodies (
  run integer primary key,
  input text not null,
  context text not null,
  queued_messages text,
  output text,
  error text
) strict;

create table entries (
  run integer not null,
  seq integer not null,
  at real not null,
  body text not null,
  primary key (run, seq)
) strict;

-- \`thread\` is the number of a run, or of a session with a minus sign.
create table messages (
  thread integer not null,
  n integer not null,
  body text not null,
  primary key (thread, n)
) strict;

create table inbox (
  run integer not null,
  n integer not null,
  kind text not null,
  key text not null,
  at real not null,
  body text not null,
  primary key (run, n),
  unique (run, kind, key)
) strict;

create table requests (
  id integer primary key,
  run integer not null,
  tenant text not null,
  root text not null,
  name text not null,
  kind text not null,
  status text not null,
  step_key text not null,
  expires_at real,
  opened_at real not null,
  claimed integer not null,
  decision text,
  body text not null,
  unique (run, name)
) strict;
create index requests_open_of_run on requests (run, id) where status = 'open';
create index requests_open on requests (tenant, id) where status = 'open';
create index requests_list on requests (tenant, id);
create index requests_tree on requests (tenant, root, id);

create table ledgers (
  run integer primary key,
  limits text not null,
  used text not null,
  reserved text not null
) strict;
`;
