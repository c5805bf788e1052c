import type { Grant, Json } from '@prusik/core';

export interface GrantRow {
  readonly id: number;
  readonly tenant: string;
  readonly run_name: string | null;
  readonly session_name: string | null;
  readonly tool: string;
  readonly tool_hash: string;
  readonly part: string;
  readonly exact: number;
  readonly given: string;
  readonly expires_at: number | null;
  readonly revoked: string | null;
}

/** Without those whose run or session is hidden: it has no tenant any more. */
export function selectGrant(where: string): string {
  return `select g.id, g.tenant, r.name as run_name, s.name as session_name, g.tool, g.tool_hash, g.part, g.exact, g.given, g.expires_at,
    g.revoked from grants g left join runs r on r.id = g.owner and r.tenant = g.tenant
    left join sessions s on s.id = -g.owner and s.tenant = g.tenant where coalesce(r.id, s.id) is not null and ${where}`;
}

export function toGrant(row: GrantRow): Grant {
  return {
    id: String(row.id),
    tenant: row.tenant,
    scope: row.run_name === null ? { of: 'session', id: row.session_name ?? '' } : { of: 'run', id: row.run_name },
    tool: row.tool,
    toolHash: row.tool_hash,
    part: JSON.parse(row.part) as Json,
    exact: row.exact === 1,
    given: JSON.parse(row.given) as Grant['given'],
    expiresAt: row.expires_at,
    ...(row.revoked === null ? {} : { revoked: JSON.parse(row.revoked) as NonNullable<Grant['revoked']> }),
  };
}
