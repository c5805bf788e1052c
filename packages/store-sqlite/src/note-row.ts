import { ARTIFACT_NOTE, type Json, type Note } from '@prusik/core';

export interface NoteRow {
  readonly id: number;
  readonly tenant: string;
  readonly run_name: string;
  readonly session: string | null;
  readonly definition: string;
  readonly kind: string;
  readonly step_key: string;
  readonly at: number;
  readonly body: string;
}

/** Through their owner: what is hidden has no tenant any more, and its notes neither. */
export function selectNote(where: string): string {
  return `select n.id, n.tenant, n.run_name, s.name as session, n.definition, n.kind, n.step_key, n.at, n.body from notes n
    left join sessions s on s.id = -n.owner and s.tenant = n.tenant left join runs r on r.id = n.owner and r.tenant = n.tenant
    where coalesce(s.id, r.id) is not null and (r.compacted_at is null or n.kind = '${ARTIFACT_NOTE}') and ${where}`;
}

export function toNote(row: NoteRow): Note {
  return {
    id: String(row.id),
    kind: row.kind,
    key: row.step_key,
    data: JSON.parse(row.body) as Json,
    run: { tenant: row.tenant, run: row.run_name },
    ...(row.session === null ? {} : { session: row.session }),
    definition: row.definition,
    at: row.at,
  };
}
