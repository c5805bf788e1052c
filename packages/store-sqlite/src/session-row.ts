import type { Imported, Session, SessionLife, ThreadCut } from '@prusik/core';

export interface SessionRow {
  readonly id: number;
  readonly tenant: string;
  readonly name: string;
  readonly state: SessionLife;
  readonly active_run: string | null;
  readonly created_at: number;
  readonly queue: string;
  readonly cuts: string | null;
  readonly forked_from: string | null;
  readonly forked_at: number | null;
  readonly imported: string | null;
}

/** The index is named: through all runs that a session ever had the queue would be found, too. */
const QUEUE = `select name from runs r indexed by runs_queue where r.tenant = s.tenant and r.session = s.name and r.in_queue = 1 order by r.id`;

export function selectSession(where: string): string {
  return `select s.id, s.tenant, s.name, s.state, s.active_run, s.created_at, s.cuts, s.forked_from, s.forked_at, s.imported, (select json_group_array(name) from (${QUEUE})) as queue
    from sessions s where ${where}`;
}

export function toSession(row: SessionRow): Session {
  return {
    key: { tenant: row.tenant, session: row.name },
    state: row.state,
    ...(row.active_run === null ? {} : { activeRun: row.active_run }),
    queue: JSON.parse(row.queue) as string[],
    createdAt: row.created_at,
    cuts: toCuts(row.cuts),
    ...(row.forked_from === null ? {} : { forkedFrom: { session: row.forked_from, n: row.forked_at ?? 0 } }),
    ...(row.imported === null ? {} : { imported: JSON.parse(row.imported) as Imported }),
  };
}

/** Most sessions have none. */
export function toCuts(text: string | null): readonly ThreadCut[] {
  return text === null ? [] : (JSON.parse(text) as ThreadCut[]);
}
