import { journal, thread } from './appended.ts';

/** One thing that is true of every row of a table; the query finds rows of which it is not, and says in words what is wrong. */
export interface Invariant {
  readonly about: 'run' | 'session' | 'request';
  /** The table whose rows `x` are looked at, in portions of its ids. */
  readonly table: 'runs' | 'sessions' | 'requests';
  readonly wrong: string;
  /** SQL for the message; it holds numbers and names, never content. */
  readonly says: string;
}

const ended = (row: string): string => `(${row}.ended_at is not null)`;

/** Numbers of one kind of rows that hang on a row: how many, from where to where. */
const span = (from: string, column: string): string =>
  `(select count(*) || ' of ' || coalesce(min(${column}), 0) || ' to ' || coalesce(max(${column}), 0) from ${from})`;
const hasGap = (from: string, column: string): string =>
  `(select count(*) <> coalesce(max(${column}) - min(${column}) + 1, 0) from ${from})`;

/** Of one that is compacted half of that may be gone; what is left has no reader. */
const hasState = 'x.compacted_at is null';
const entries = `appended where list = ${journal('x.id')}`;
const inbox = 'inbox where run = x.id';
const messages = `appended where list = ${thread.run('x.id')}`;
const conversation = `appended where list = ${thread.session('-x.id')} and n > x.thread_floor`;
// The text is looked for before it is parsed: a journal may be long, and few entries hold it.
const ends = `(select count(*) from ${entries} and instr(body, '"run-end"') > 0 and body ->> '$.type' = 'run-end')`;

/** What the store's own rules keep true of whatever is not hidden, whoever writes. Each is looked for along an index. */
export const INVARIANTS: readonly Invariant[] = [
  {
    about: 'run',
    table: 'runs',
    wrong: `not exists (select 1 from run_bodies where run = x.id)`,
    says: `'has no input'`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `${hasState} and (${hasGap(entries, 'n')} or (select coalesce(min(n), 0) <> 1 from ${entries}))`,
    says: `'has a journal with gaps: entries ' || ${span(entries, 'n')}`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `${hasState} and ${ends} <> ${ended('x')}`,
    says: `'has ' || ${ends} || ' ends in its journal and is ' || x.status`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `${hasState} and ${ended('x')} and (select body ->> '$.type' from ${entries} order by n desc limit 1) <> 'run-end'`,
    says: `'has entries after its end'`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `case x.status
      when 'queued' then x.lease_until is not null or x.wake_at is not null or (x.ready_at is null) <> (x.in_queue = 1 and x.cancel = 'none') or ${ended('x')}
      when 'running' then x.lease_until is null or x.ready_at is not null or x.wake_at is not null or ${ended('x')}
      when 'waiting' then x.lease_until is not null or x.ready_at is not null or ${ended('x')}
      when 'blocked' then x.lease_until is not null or x.ready_at is not null or x.wake_at is not null or x.block_code is null or ${ended('x')}
      else not ${ended('x')} or x.lease_until is not null or x.ready_at is not null or x.wake_at is not null or x.in_queue <> 0 end`,
    says: `'is ' || x.status || ', which does not fit the rest of its row'`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `${hasState} and (${hasGap(inbox, 'n')} or (select min(n) <> 1 from ${inbox}))`,
    says: `'has an inbox with gaps: signals ' || ${span(inbox, 'n')}`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `${hasState} and (${hasGap(messages, 'n')} or (x.imported is null and (select min(n) <> 1 from ${messages})))`,
    says: `'has a thread with gaps: messages ' || ${span(messages, 'n')}`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `x.parent is not null and not exists (select 1 from runs p where p.tenant = x.tenant and p.name = x.parent)`,
    says: `'has a parent that is not there: ' || x.parent`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `not exists (select 1 from runs p where p.tenant = x.tenant and p.name = x.root)`,
    says: `'belongs to a tree whose root is not there: ' || x.root`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `${ended('x')} and exists (select 1 from requests where run = x.id and status = 'open')`,
    says: `'has ended with an open request'`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `exists (select 1 from ledgers, json_each(used) where run = x.id and (type <> 'integer' or value < 0))
      or exists (select 1 from ledgers, json_each(reserved) where run = x.id and (type <> 'integer' or value < 0))`,
    says: `'has a ledger with amounts that are none'`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `x.compacted_at is not null and (not ${ended('x')} or x.last_seq is null or x.last_signal is null)`,
    says: `'was compacted as ' || x.status || ' with ' || coalesce(x.last_seq, 'no') || ' entries'`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `x.compacted_at is not null and x.compacting is null and exists (select 1 from ${entries})`,
    says: `'is compacted and has entries: ' || ${span(entries, 'n')}`,
  },
  {
    about: 'run',
    table: 'runs',
    wrong: `x.compacted_at is not null and x.compacting is null and exists (select 1 from ${messages})`,
    says: `'is compacted and has messages: ' || ${span(messages, 'n')}`,
  },
  {
    about: 'session',
    table: 'sessions',
    wrong: `x.active_run is not null and not exists (select 1 from runs r where r.tenant = x.tenant and r.name = x.active_run
      and r.session = x.name and r.ended_at is null and r.in_queue = 0)`,
    says: `'is held by a run that cannot hold it: ' || x.active_run`,
  },
  {
    about: 'session',
    table: 'sessions',
    wrong: `x.active_run is null and exists (select 1 from runs r where r.tenant = x.tenant and r.session = x.name and r.in_queue = 1 and r.cancel = 'none')`,
    says: `'is free while runs stand in its queue'`,
  },
  {
    about: 'session',
    table: 'sessions',
    wrong: `${hasGap(conversation, 'n')} or (select min(n) <> x.thread_floor + 1 from ${conversation})`,
    says: `'has a thread with gaps: messages ' || ${span(conversation, 'n')}`,
  },
  {
    about: 'session',
    table: 'sessions',
    wrong: `x.state = 'closed' and (x.active_run is not null
      or exists (select 1 from runs r where r.tenant = x.tenant and r.session = x.name and r.in_queue = 1))`,
    says: `'is closed and has runs that hold or await it'`,
  },
  {
    about: 'request',
    table: 'requests',
    wrong: `not exists (select 1 from runs where id = x.run)`,
    says: `'belongs to a run that is not there'`,
  },
];
