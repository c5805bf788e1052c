import type { RunKey, Store } from '@prusik/core';
import { flowOf, MAX_RUNS, type FlowOptions, type Journal } from './flow-of.ts';
import type { Flow, FlowRequestSource } from './flow.ts';
import { all, eachOf, eachUpTo } from './pages.ts';
import { compactedRun, readTree } from './read-tree.ts';
import { without } from './without.ts';

/** How a flow is read. */
export interface ReadFlowOptions extends Omit<FlowOptions, 'requests'> {
  /** Ends it with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * The flow of a run and its tree, as far as it is on record. Of runs past `maxRuns` no journal is read; a run that was compacted has none.
 *
 * @throws {PrusikError} `RUN_UNKNOWN`, `RUN_NOT_ROOT`; `RUN_COMPACTED` for a root without a journal.
 */
export async function readFlow(store: Store, key: RunKey, { signal, ...options }: ReadFlowOptions = {}): Promise<Flow> {
  const { maxRuns = MAX_RUNS } = options;
  const journals: Journal[] = [];
  for (const [place, { key: run, seq }] of (await readTree(store, key, signal)).entries()) {
    const entries =
      place < maxRuns
        ? eachUpTo(
            (page) => store.entries(run, page),
            (entry) => entry.seq,
            { upTo: seq },
          )
        : [];
    journals.push({ id: run.run, entries: (await all(entries)).flat() });
    signal?.throwIfAborted();
  }
  const [root] = journals;
  if (root?.entries.length === 0) throw compactedRun(key);
  const requests: FlowRequestSource[] = [];
  for await (const { id, run, kind, status, decision } of eachOf((page) =>
    store.listRequests({ tenant: key.tenant, root: key.run, ...page }),
  ))
    // Without the body of what was asked, which may be a megabyte.
    requests.push({
      id,
      run,
      kind,
      status,
      ...(decision === undefined ? {} : { decision: without(decision, 'value', 'reason', 'grant') }),
    });
  return flowOf(journals, { ...options, requests });
}
