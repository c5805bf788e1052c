/**
 * Steering: which runs of a session's queue its holder may absorb, and who absorbed a run. Branching: what is hidden of a session's thread, as
 * JSON, where it was copied from, and its messages by their ids. An expression, so that what an older release writes is found as well.
 * `slots.owner`: as in `notes`.
 *
 * Notes. `notes.owner`: the number of a session with a minus sign, or of a run that is in none, as in `messages`. `notes.run` is the one that wrote it,
 * which may be removed before: its number is not given again, its name may be.
 *
 * What people are asked and what they allow. `requests.schema`: JSON Schema of an edit or an answer. `runs.attended`: whether anybody is there to answer.
 * `grants.owner`: the number of a run, or of a session with a minus sign, as in `messages`.
 */
export const conversations = `
alter table runs add column steers integer not null default 0;
alter table run_bodies add column absorbed_by text;
alter table run_bodies add column turn text;
alter table sessions add column cuts text;
alter table sessions add column forked_from text;
alter table sessions add column forked_at integer;
create index messages_ids on messages (thread, body ->> '$.id');
create table slots (owner integer not null, name text not null, body text not null, primary key (owner, name)) strict;

create table notes (
  id integer primary key,
  tenant text not null,
  owner integer not null,
  run integer not null,
  run_name text not null,
  definition text not null,
  kind text not null,
  step_key text not null,
  at real not null,
  body text not null
) strict;
create index notes_list on notes (tenant, id);
create index notes_owner on notes (owner, id);
create index notes_run on notes (run, id);
insert into last_numbers values ('notes', 0);

alter table requests add column schema text;
alter table runs add column attended integer not null default 1;

create table grants (
  id integer primary key,
  tenant text not null,
  owner integer not null,
  tool text not null,
  tool_hash text not null,
  part text not null,
  exact integer not null,
  given text not null,
  expires_at real,
  revoked text
) strict;
create index grants_owner on grants (owner, id);
create index grants_list on grants (tenant, id);
insert into last_numbers values ('grants', 0);
`;
