/**
 * Entries and messages in one table, in the order of writing, behind one index: see `appended.ts`. When an old message was written nobody knows, so its time is 0.
 * Messages are copied first: the last row tells the file's time, and it is the last entry's.
 *
 * No release before can go on beside this: its statements name tables that are gone. A new generation tells it so with its next transaction.
 */
export const appended = `
update generation set number = number + 1 where (select user_version from pragma_user_version) > 0;

create table appended (id integer primary key, list integer not null, n integer not null, at real not null, body text not null) strict;
insert into appended (list, n, at, body) select iif(thread < 0, thread, 2 * thread + 1), n, 0, body from messages order by rowid;
insert into appended (list, n, at, body) select 2 * run, seq, at, body from entries order by rowid;
drop table messages;
drop table entries;
create unique index appended_lists on appended (list, n);
create index messages_ids on appended (list, body ->> '$.id') where list < 0;
`;
