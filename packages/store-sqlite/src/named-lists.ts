import type Database from 'better-sqlite3';
import type { BlobInfo, Page, StoreReads } from '@prusik/core';
import { prepareQuery } from './prepare-query.ts';

interface BlobRow {
  readonly hash: string;
  readonly size: number;
  readonly stored_at: number;
}

/** The first name behind another one: a look into an index of each table. What is hidden has the empty name, which is behind none. */
const NEXT = `(select min(name) from (select min(tenant) as name from runs where tenant > found.name
  union all select min(tenant) from sessions where tenant > found.name))`;

export const TENANTS_SQL: string = `with recursive found (name) as (select ? union all select ${NEXT} from found where found.name is not null)
  select name from found where name is not null limit ?`;

/** One look for each tenant, however many runs it has. */
export function createTenants(db: Database.Database): StoreReads['tenants'] {
  const names = prepareQuery<[string, number], string>(db, TENANTS_SQL).pluck();
  // The name that it begins behind is among the rows, as their first.
  return ({ after = '', limit }) => toPage(names.all(after, limit + 2).slice(1), limit, (name) => name);
}

const OWNERS = {
  run: 'select id as owner from runs where tenant = ? and name = ?',
  session: 'select -id as owner from sessions where tenant = ? and name = ?',
} as const;

export function createBlobsOf(db: Database.Database): StoreReads['blobsOf'] {
  const blobsOf = (owner: string): Database.Statement<[string, string, string, number], BlobRow> =>
    prepareQuery(
      db,
      `select b.hash, b.size, b.stored_at from (${owner}) t join blob_uses u on u.owner = t.owner join blobs b on b.id = u.blob
       where b.hash > ? order by b.hash limit ?`,
    );
  const statements = { run: blobsOf(OWNERS.run), session: blobsOf(OWNERS.session) };
  return ({ tenant, of, id }, { after = '', limit }) => {
    const rows = statements[of].all(tenant, id, after, limit + 1);
    const items = rows.map(({ hash, size, stored_at: storedAt }): BlobInfo => ({ hash, size, storedAt }));
    return toPage(items, limit, ({ hash }) => hash);
  };
}

/** One more than asked for says that there is a next page. */
function toPage<Item>(found: readonly Item[], limit: number, nameOf: (item: Item) => string): Page<Item> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return found.length > limit && last !== undefined ? { items, next: nameOf(last) } : { items };
}
