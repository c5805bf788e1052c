import type Database from 'better-sqlite3';
import type { EndedRoot, FinalStatus, StoreReads } from '@prusik/core';
import { prepareQuery } from './prepare-query.ts';

interface EndedRow {
  readonly id: number;
  readonly name: string;
  readonly definition: string;
  readonly status: FinalStatus;
  readonly session: string | null;
  readonly ended_at: number;
  readonly compacted: number;
}

type Ties = [tenant: string, endedAt: number, number: number, limit: number];
type Beyond = [tenant: string, endedAt: number, limit: number];

/** Ended roots in the order of their ends, a page at a time. */
export function createEndedRoots(db: Database.Database): StoreReads['endedRoots'] {
  const statements = {
    oldest: prepareSide(db, 'oldest'),
    newest: prepareSide(db, 'newest'),
  };
  return ({ tenant, newestFirst, after, limit }) => {
    const { ties, beyond } = statements[newestFirst ? 'newest' : 'oldest'];
    const edge = newestFirst ? Number.MAX_VALUE : -Number.MAX_VALUE;
    const rows = after === undefined ? [] : ties.all(tenant, after.at, after.number, limit);
    if (rows.length < limit) rows.push(...beyond.all(tenant, after?.at ?? edge, limit - rows.length));
    return rows.map((row): EndedRoot => ({
      key: { tenant, run: row.name },
      number: row.id,
      definition: row.definition,
      status: row.status,
      ...(row.session === null ? {} : { session: row.session }),
      at: row.ended_at,
      compacted: row.compacted === 1,
    }));
  };
}

interface Side {
  readonly ties: Database.Statement<Ties, EndedRow>;
  readonly beyond: Database.Statement<Beyond, EndedRow>;
}

function prepareSide(db: Database.Database, side: 'oldest' | 'newest'): Side {
  const { ties, beyond } = endedRootsOf(side);
  return { ties: prepareQuery(db, ties), beyond: prepareQuery(db, beyond) };
}

/** Two ranges of the index. As one, of the pair, SQLite goes by the time alone, and reads through all that ended at the same. */
export function endedRootsOf(side: 'oldest' | 'newest'): { readonly ties: string; readonly beyond: string } {
  const [than, order] = side === 'oldest' ? ['>', 'asc'] : ['<', 'desc'];
  const ended = `select id, name, definition, status, session, ended_at, compacted_at is not null as compacted from runs indexed by runs_ended
    where tenant = ? and (parent is null) = 1 and ended_at is not null`;
  return {
    ties: `${ended} and ended_at = ? and id ${than} ? order by id ${order} limit ?`,
    beyond: `${ended} and ended_at ${than} ? order by ended_at ${order}, id ${order} limit ?`,
  };
}
