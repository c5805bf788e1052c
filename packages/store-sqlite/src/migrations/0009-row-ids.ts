/**
 * A journal or a thread is one stretch of its table, by an id of its owner's number (28 bits to the left) and its own: no index, and a step writes one page of each where it wrote
 * two. Rows are copied in that order. What has no place there (a number of more than 28 bits) is no id, and the file stays as it is.
 *
 * No release before can go on beside this: its statements name columns that are gone. A new generation tells it so with its next transaction.
 * The clock was the last entry's in the order of writing, which is not kept any more.
 */
export const rowIds = `
update clock set at = max(at, coalesce((select at from entries order by rowid desc limit 1), 0));
update generation set number = number + 1 where (select user_version from pragma_user_version) > 0;

alter table entries rename to old_entries;
create table entries (id integer primary key, at real not null, body text not null) strict;
insert into entries (id, at, body)
  select iif(seq between 1 and 268435455, (run << 28) + seq, 'no place'), at, body from old_entries order by run, seq;
drop table old_entries;

-- The owner is the number of a run, or of a session with a minus sign.
drop index messages_ids;
alter table messages rename to old_messages;
create table messages (id integer primary key, body text not null) strict;
insert into messages (id, body)
  select iif(n between 1 and 268435455, (thread << 28) + n, 'no place'), body from old_messages order by thread, n;
drop table old_messages;
create index messages_ids on messages (id >> 28, body ->> '$.id') where id < 0;
`;
