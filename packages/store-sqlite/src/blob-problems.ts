import { lstatSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { blobPath } from './blob-files.ts';
import type { StoreProblem } from './store-problem.ts';

interface Row {
  readonly id: number;
  readonly tenant: string;
  readonly hash: string;
  readonly size: number;
}

/** Looks at the next blobs with each call: whether the file is there, as large as the row says. `undefined` after the last. */
export function blobProblems(
  db: Database.Database,
  folder: string,
  limit: number,
): () => readonly StoreProblem[] | undefined {
  const rows = db.prepare<[number, number], Row>(
    'select id, tenant, hash, size from blobs where id > ? order by id limit ?',
  );
  const isThere = db.prepare<[number], number>('select 1 from blobs where id = ?').pluck();
  const unknown = db
    .prepare<[number], number>(
      'select distinct blob from blob_uses where not exists (select 1 from blobs where id = blob) limit ?',
    )
    .pluck();
  let after = 0;

  function problemOf({ id, tenant, hash, size }: Row): readonly StoreProblem[] {
    const found = lstatSync(blobPath(folder, hash).file, { throwIfNoEntry: false });
    const is = found === undefined ? 'is missing' : `has ${found.size} bytes instead of ${size}`;
    if (found !== undefined && found.isFile() && found.size === size) return [];
    // A sweep takes the row away before the file.
    if (isThere.get(id) === undefined) return [];
    return [{ about: 'blob', tenant, id: hash, message: `The file of blob ${hash} ${is}` }];
  }

  return () => {
    const portion = rows.all(after, limit);
    const last = portion.at(-1);
    if (last !== undefined) {
      after = last.id;
      return portion.flatMap(problemOf);
    }
    if (after === Number.POSITIVE_INFINITY) return undefined;
    after = Number.POSITIVE_INFINITY;
    return unknown
      .all(limit)
      .map((blob) => ({ about: 'blob', message: `Blob number ${blob} is used and is not there` }));
  };
}
