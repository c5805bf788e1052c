/**
 * Steering: which runs of a session's queue its holder may absorb, and who absorbed a run. Notes.
 *
 * `notes.owner`: the number of a session with a minus sign, or of a run that is in none, as in `messages`. `notes.run` is the one that wrote it,
 * which may be removed before: its number is not given again, its name may be.
 */
export const conversations = `
alter table runs add column steers integer not null default 0;
alter table run_bodies add column absorbed_by text;

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
`;
