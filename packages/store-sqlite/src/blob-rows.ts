import type Database from 'better-sqlite3';
import type { BlobInfo, BlobState, StoreReads } from '@prusik/core';

type Write = (statement: Database.Statement<unknown[]>, ...values: unknown[]) => Database.RunResult;

interface InfoRow {
  readonly hash: string;
  readonly size: number;
  readonly stored_at: number;
}

export function createBlobReads(db: Database.Database): Pick<StoreReads, 'blob' | 'hasBlob'> {
  const find = db.prepare<[string, string], InfoRow>(
    'select hash, size, stored_at from blobs where tenant = ? and hash = ?',
  );
  const has = db.prepare<[string], number>('select 1 from blobs where hash = ? limit 1').pluck();
  return {
    blob(tenant, hash) {
      const row = find.get(tenant, hash);
      return row && toInfo(row);
    },
    hasBlob: (hash) => has.get(hash) !== undefined,
  };
}

export interface BlobRows {
  save(tenant: string, blob: BlobInfo): void;
  /** `owner`: the number of a run, or of a session with a minus sign. */
  use(owner: number, tenant: string, hashes: readonly string[]): void;
  /** The owner uses none any more. */
  release(owner: number): void;
  after(number: number, limit: number): readonly BlobState[];
  remove(blob: BlobState): void;
}

export function createBlobRows(db: Database.Database, write: Write): BlobRows {
  const save = db.prepare(
    `insert into blobs (tenant, hash, size, stored_at) values (?, ?, ?, ?)
     on conflict (tenant, hash) do update set stored_at = excluded.stored_at`,
  );
  const use = db.prepare(
    'insert or ignore into blob_uses (owner, blob) select ?, id from blobs where tenant = ? and hash = ?',
  );
  const release = db.prepare('delete from blob_uses where owner = ?');
  const after = db.prepare<[number, number], InfoRow & { readonly id: number; readonly used: number }>(
    `select id, hash, size, stored_at, exists (select 1 from blob_uses where blob = blobs.id) as used
     from blobs where id > ? order by id limit ?`,
  );
  const remove = db.prepare('delete from blobs where id = ?');
  return {
    save: (tenant, { hash, size, storedAt }) => void write(save, tenant, hash, size, storedAt),
    use(owner, tenant, hashes) {
      for (const hash of hashes) write(use, owner, tenant, hash);
    },
    release: (owner) => void write(release, owner),
    after: (number, limit) =>
      after.all(number, limit).map((row) => ({ ...toInfo(row), number: row.id, used: row.used === 1 })),
    remove: ({ number }) => void write(remove, number),
  };
}

const toInfo = ({ hash, size, stored_at: storedAt }: InfoRow): BlobInfo => ({ hash, size, storedAt });
