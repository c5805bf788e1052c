import { requestAt, type Request, type RunKey, type RunState, type StoreTables } from '@prusik/core';
import { frozen } from './frozen.ts';
import { createKeyed } from './keyed.ts';
import { listPage } from './list-page.ts';
import { createNumberedRows } from './numbered-rows.ts';

interface RequestRecord {
  readonly number: number;
  request: Request;
}

/** The requests of all runs, and their list. */
export interface MemoryRequests {
  readonly tables: Pick<
    StoreTables,
    'request' | 'openRequests' | 'insertRequest' | 'saveRequest' | 'requestCount' | 'listRequests'
  >;
  of(run: RunKey): readonly Request[];
  all(): Iterable<Request>;
  /** Those of a run that is gone. */
  remove(run: RunKey): void;
}

/** `sessionOfTree`: of the root of this run's tree. */
export function createMemoryRequests(sessionOfTree: (run: RunState) => string | undefined): MemoryRequests {
  const byRun = createKeyed<Map<string, RequestRecord>>();
  const rows = createNumberedRows<RequestRecord>();
  const of = ({ tenant, run }: RunKey): readonly Request[] =>
    Array.from(byRun.get(tenant, run)?.values() ?? [], ({ request }) => request);

  return {
    tables: {
      request: ({ tenant, run }, id) => byRun.get(tenant, run)?.get(id)?.request,
      openRequests: ({ key }) => of(key).filter(({ status }) => status === 'open'),
      insertRequest(state, request, openedAt) {
        const { tenant, run } = state.key;
        const session = sessionOfTree(state);
        const row: RequestRecord = {
          number: rows.nextNumber(),
          request: frozen({
            ...request,
            run: state.key,
            root: state.root,
            ...(state.parent === undefined ? {} : { parent: state.parent }),
            ...(session === undefined ? {} : { session }),
            definition: state.definition,
            status: 'open' as const,
            openedAt,
            claimed: false,
          }),
        };
        const ofRun = byRun.get(tenant, run) ?? new Map<string, RequestRecord>();
        ofRun.set(request.id, row);
        byRun.set(tenant, run, ofRun);
        rows.add(tenant, row);
      },
      saveRequest({ key }, request) {
        const row = byRun.get(key.tenant, key.run)?.get(request.id);
        if (row !== undefined) row.request = frozen({ ...request });
      },
      requestCount: ({ key }) => byRun.get(key.tenant, key.run)?.size ?? 0,
      listRequests: (query) =>
        listPage({
          rows: rows.of(query.tenant),
          newestFirst: query.order === 'newest',
          matches: ({ request }) =>
            (query.status === undefined || query.status.includes(requestAt(request, query.now).status)) &&
            (query.kind === undefined || query.kind.includes(request.kind)) &&
            (query.run === undefined || query.run === request.run.run) &&
            (query.root === undefined || query.root === request.root) &&
            (query.session === undefined || query.session === request.session) &&
            (query.definition === undefined || query.definition === request.definition) &&
            (query.by === undefined || query.by === request.decision?.by),
          show: (row) => row.request,
          page: query,
        }),
    },
    of,
    *all() {
      for (const tenant of rows.tenants()) for (const { request } of rows.of(tenant)) yield request;
    },
    remove({ tenant, run }) {
      for (const row of byRun.get(tenant, run)?.values() ?? []) rows.remove(tenant, row);
      byRun.delete(tenant, run);
    },
  };
}
