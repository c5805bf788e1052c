import type { Decision, Json, JsonObject, Request, RequestKind, RequestStatus } from '@prusik/core';

interface RequestRow {
  readonly id: number;
  readonly tenant: string;
  readonly run_name: string;
  readonly root: string;
  readonly parent: string | null;
  readonly parent_key: string | null;
  readonly definition: string;
  readonly session: string | null;
  readonly schema: string | null;
  readonly name: string;
  readonly kind: RequestKind;
  readonly status: RequestStatus;
  readonly step_key: string;
  readonly expires_at: number | null;
  readonly opened_at: number;
  readonly claimed: number;
  readonly decision: string | null;
  readonly body: string;
}

/** The tenant of both: a run that is hidden has none any more. */
export function selectRequest(where: string, index = ''): string {
  return `select q.id, q.tenant, r.name as run_name, q.root, r.parent, r.parent_key, r.definition, coalesce(r.session, t.session) as session,
    q.name, q.kind, q.status, q.step_key, q.expires_at, q.opened_at, q.claimed, q.decision, q.body, q.schema
    from requests q ${index === '' ? '' : `indexed by ${index}`} join runs r on r.id = q.run and r.tenant = q.tenant
    left join runs t on r.parent is not null and t.tenant = q.tenant and t.name = q.root where ${where}`;
}

export function toRequest(row: RequestRow): Request {
  return {
    id: row.name,
    kind: row.kind,
    stepKey: row.step_key,
    body: JSON.parse(row.body) as Json,
    ...(row.schema === null ? {} : { schema: JSON.parse(row.schema) as JsonObject }),
    expiresAt: row.expires_at,
    run: { tenant: row.tenant, run: row.run_name },
    root: row.root,
    ...(row.parent === null ? {} : { parent: { run: row.parent, key: row.parent_key ?? '' } }),
    ...(row.session === null ? {} : { session: row.session }),
    definition: row.definition,
    status: row.status,
    openedAt: row.opened_at,
    ...(row.decision === null ? {} : { decision: JSON.parse(row.decision) as Decision }),
    claimed: row.claimed === 1,
  };
}

export type { RequestRow };
