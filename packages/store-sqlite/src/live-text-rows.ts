import type Database from 'better-sqlite3';
import type { LiveBlockKind, LiveTextRow, LiveTextRows, RunKey, StepKind } from '@prusik/core';
import { prepareQuery } from './prepare-query.ts';

/**
 * A row for each block, and its text in the pieces in which it came. `until` is where a piece ends, counted as JavaScript counts
 * characters, which SQLite does not.
 */
export const LIVE_SCHEMA = `
create table blocks (
  id integer primary key autoincrement,
  tenant text not null,
  run text not null,
  step text not null,
  kind text not null,
  name text,
  epoch integer not null,
  attempt integer not null,
  block text not null,
  block_kind text not null,
  tool text,
  kept integer not null,
  head integer not null,
  unique (tenant, run, step, block)
) strict;
create table pieces (block integer not null, until integer not null, text text not null, primary key (block, until)) strict, without rowid;
`;

interface BlockRow {
  readonly id: number;
  readonly step: string;
  readonly kind: StepKind;
  readonly name: string | null;
  readonly epoch: number;
  readonly attempt: number;
  readonly block: string;
  readonly blockKind: LiveBlockKind;
  readonly tool: string | null;
  readonly kept: number;
  readonly head: number;
}

/** Text in progress in a file of its own, inside one transaction. */
export function createLiveTextRows(db: Database.Database): Omit<LiveTextRows, 'transaction' | 'snapshot'> {
  const blocks = prepareQuery<[string, string], BlockRow>(
    db,
    'select id, step, kind, name, epoch, attempt, block, block_kind as blockKind, tool, kept, head from blocks where tenant = ? and run = ? order by id',
  );
  const pieces = prepareQuery<[number, number], { readonly until: number; readonly text: string }>(
    db,
    'select until, text from pieces where block = ? and until > ? order by until',
  );
  const insertBlock = db.prepare(
    'insert into blocks (tenant, run, step, kind, name, epoch, attempt, block, block_kind, tool, kept, head) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)',
  );
  const insertPiece = db.prepare('insert into pieces (block, until, text) values (?, ?, ?)');
  const saveBlock = db.prepare('update blocks set kept = ?, head = ? where id = ?');
  const removeBlock = db.prepare('delete from blocks where id = ?');
  const removePieces = db.prepare('delete from pieces where block = ?');
  const runs = prepareQuery<[number], RunKey>(
    db,
    'select tenant, run from blocks group by tenant, run order by min(id) limit ?',
  );
  const pages = prepareQuery<[], number>(db, 'pragma page_count').pluck();
  const free = prepareQuery<[], number>(db, 'pragma freelist_count').pluck();
  const pageSize = Number(db.pragma('page_size', { simple: true }));

  const find = ({ tenant, run }: RunKey): readonly LiveTextRow[] => blocks.all(tenant, run).map(toRow);

  function remove({ id }: LiveTextRow): void {
    removePieces.run(id);
    removeBlock.run(id);
  }

  return {
    blocks: find,
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
      const { block } = step;
      const { lastInsertRowid } = insertBlock.run(
        tenant,
        run,
        step.step,
        step.kind,
        step.name ?? null,
        epoch,
        step.attempt,
        block.id,
        block.kind,
        block.tool ?? null,
      );
      const { kind, name, attempt } = step;
      const named = name === undefined ? {} : { name };
      return { id: Number(lastInsertRowid), step: step.step, kind, ...named, epoch, attempt, block, kept: 0, head: 0 };
    },
    extend({ id, kept }, text, head) {
      const until = kept + text.length;
      if (text !== '') insertPiece.run(id, until, text);
      saveBlock.run(until, head, id);
    },
    remove,
    removeRun(run) {
      for (const row of find(run)) remove(row);
    },
    runs: (limit) => runs.all(limit),
    size: () => ((pages.get() ?? 0) - (free.get() ?? 0)) * pageSize,
  };
}

function toRow({ name, block: id, blockKind: kind, tool, ...row }: BlockRow): LiveTextRow {
  const block = { id, kind, ...(tool === null ? {} : { tool }) };
  return { ...row, ...(name === null ? {} : { name }), block };
}
