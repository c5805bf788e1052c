import type Database from 'better-sqlite3';
import type { LiveTextRow, LiveTextRows, RunKey, StepKind } from '@prusik/core';
import { prepareQuery } from './prepare-query.ts';

/**
 * A row for each step that has text, and its text in the pieces in which it came. `until` is where a piece ends, counted as JavaScript counts
 * characters, which SQLite does not.
 */
export const LIVE_SCHEMA = `
create table steps (
  id integer primary key autoincrement,
  tenant text not null,
  run text not null,
  step text not null,
  kind text not null,
  name text,
  epoch integer not null,
  attempt integer not null,
  kept integer not null,
  head integer not null,
  unique (tenant, run, step)
) strict;
create table pieces (step integer not null, until integer not null, text text not null, primary key (step, until)) strict, without rowid;
`;

interface StepRow {
  readonly id: number;
  readonly step: string;
  readonly kind: StepKind;
  readonly name: string | null;
  readonly epoch: number;
  readonly attempt: number;
  readonly kept: number;
  readonly head: number;
}

/** Text in progress in a file of its own, inside one transaction. */
export function createLiveTextRows(db: Database.Database): Omit<LiveTextRows, 'transaction' | 'snapshot'> {
  const steps = prepareQuery<[string, string], StepRow>(
    db,
    'select id, step, kind, name, epoch, attempt, kept, head from steps where tenant = ? and run = ? order by id',
  );
  const pieces = prepareQuery<[number, number], { readonly until: number; readonly text: string }>(
    db,
    'select until, text from pieces where step = ? and until > ? order by until',
  );
  const insertStep = db.prepare(
    'insert into steps (tenant, run, step, kind, name, epoch, attempt, kept, head) values (?, ?, ?, ?, ?, ?, ?, 0, 0)',
  );
  const insertPiece = db.prepare('insert into pieces (step, until, text) values (?, ?, ?)');
  const saveStep = db.prepare('update steps set kept = ?, head = ? where id = ?');
  const removeStep = db.prepare('delete from steps where id = ?');
  const removePieces = db.prepare('delete from pieces where step = ?');
  const runs = prepareQuery<[number], RunKey>(
    db,
    'select tenant, run from steps group by tenant, run order by min(id) limit ?',
  );
  const pages = prepareQuery<[], number>(db, 'pragma page_count').pluck();
  const free = prepareQuery<[], number>(db, 'pragma freelist_count').pluck();
  const pageSize = Number(db.pragma('page_size', { simple: true }));

  const find = ({ tenant, run }: RunKey): readonly LiveTextRow[] => steps.all(tenant, run).map(toRow);

  function remove({ id }: LiveTextRow): void {
    removePieces.run(id);
    removeStep.run(id);
  }

  return {
    steps: find,
    text({ id }, from) {
      const parts = pieces.all(id, from);
      const [first] = parts;
      if (first === undefined) return '';
      return parts
        .map(({ text }) => text)
        .join('')
        .slice(Math.max(0, from - (first.until - first.text.length)));
    },
    insert({ tenant, run }, epoch, step) {
      const { lastInsertRowid } = insertStep.run(
        tenant,
        run,
        step.step,
        step.kind,
        step.name ?? null,
        epoch,
        step.attempt,
      );
      const { kind, name, attempt } = step;
      const named = name === undefined ? {} : { name };
      return { id: Number(lastInsertRowid), step: step.step, kind, ...named, epoch, attempt, kept: 0, head: 0 };
    },
    extend({ id, kept }, text, head) {
      const until = kept + text.length;
      if (text !== '') insertPiece.run(id, until, text);
      saveStep.run(until, head, id);
    },
    remove,
    removeRun(run) {
      for (const row of find(run)) remove(row);
    },
    runs: (limit) => runs.all(limit),
    size: () => ((pages.get() ?? 0) - (free.get() ?? 0)) * pageSize,
  };
}

function toRow({ name, ...row }: StepRow): LiveTextRow {
  return { ...row, ...(name === null ? {} : { name }) };
}
