import type { Grant, StoreTables } from '@prusik/core';
import { frozen } from './frozen.ts';
import { listPage } from './list-page.ts';
import { createNumberedRows } from './numbered-rows.ts';

interface GrantRecord {
  readonly number: number;
  grant: Grant;
}

type Scope = Grant['scope'];

/** Grants of runs and sessions, and what becomes of them when their holder is removed. */
export function createMemoryGrants(): {
  readonly tables: Pick<StoreTables, 'insertGrant' | 'saveGrant' | 'grant' | 'listGrants'>;
  remove(tenant: string, holder: Scope): void;
} {
  const rows = createNumberedRows<GrantRecord>();
  const isOf = ({ scope }: Grant, holder: Scope): boolean => scope.of === holder.of && scope.id === holder.id;
  const find = (tenant: string, id: string): GrantRecord | undefined =>
    rows.of(tenant).find(({ grant }) => grant.id === id);

  return {
    tables: {
      insertGrant(grant) {
        const number = rows.nextNumber();
        rows.add(grant.tenant, { number, grant: frozen({ ...grant, id: String(number) }) });
      },
      saveGrant(grant) {
        const row = find(grant.tenant, grant.id);
        if (row !== undefined) row.grant = frozen({ ...grant });
      },
      grant: ({ tenant, grant }) => find(tenant, grant)?.grant,
      listGrants: ({ tenant, holders, tool, active, now, ...page }) =>
        listPage({
          rows: rows.of(tenant),
          newestFirst: false,
          matches: ({ grant }) =>
            (holders === undefined || holders.some((holder) => isOf(grant, holder))) &&
            (tool === undefined || tool === grant.tool) &&
            (active === undefined ||
              active === (grant.revoked === undefined && (grant.expiresAt === null || grant.expiresAt > now))),
          show: ({ grant }) => grant,
          page,
        }),
    },
    remove(tenant, holder) {
      for (const row of rows.of(tenant).filter(({ grant }) => isOf(grant, holder))) rows.remove(tenant, row);
    },
  };
}
