import type { Entry } from '@prusik/core';
import { FLOW_VERSION, type Flow, type FlowRequest, type FlowRequestSource, type FlowRun } from './flow.ts';
import { runFlow } from './run-flow.ts';

/** Runs of a flow, where nobody says how many. */
export const MAX_RUNS = 500;

/** The journal of one run. */
export interface Journal {
  readonly id: string;
  /** From the first on. */
  readonly entries: readonly Entry[];
}

/** What goes into a flow besides the journals, and how much of it. */
export interface FlowOptions {
  /** Requests of the tree, for what was decided, and by whom. @default ids alone */
  readonly requests?: readonly FlowRequestSource[];
  /** Nodes of all runs together, at most; of each run the first ones are kept. @default 2_000 */
  readonly maxNodes?: number;
  /** @default 500 */
  readonly maxRuns?: number;
}

/**
 * The flow of a tree, from its journals: pure, and the same for the same entries. The root's comes first; a child whose journal is not there is named by the wait for it.
 *
 * @throws {TypeError} where the first journal does not begin with `run-start`, and for bounds that are no numbers.
 */
export function flowOf(journals: readonly Journal[], options: FlowOptions = {}): Flow {
  const { requests = [], maxNodes = 2_000, maxRuns = MAX_RUNS } = options;
  for (const [name, bound] of Object.entries({ maxNodes, maxRuns }))
    if (!(bound > 0)) throw new TypeError(`${name} must be a positive number, not ${bound}`);
  const [root] = journals;
  if (root?.entries[0]?.type !== 'run-start')
    throw new TypeError('The first journal is the root’s, from its first entry on');
  const parents = parentsIn(journals);
  const runs: FlowRun[] = [];
  let nodes = 0;
  let omitted = 0;
  for (const journal of journals.slice(0, maxRuns)) {
    const made = runFlow(journal, { parent: parents.get(journal.id), requests: requestsOf(journal.id, requests) });
    if (made === undefined) continue;
    const room = Math.max(0, maxNodes - nodes);
    const missing = Math.max(0, made.nodes.length - room);
    nodes += made.nodes.length - missing;
    omitted += missing;
    runs.push(missing === 0 ? made : { ...made, nodes: made.nodes.slice(0, room), omitted: missing });
  }
  const left = Math.max(0, journals.length - maxRuns);
  return {
    v: FLOW_VERSION,
    root: root.id,
    runs,
    ...(left === 0 && omitted === 0 ? {} : { omitted: { runs: left, nodes: omitted } }),
  };
}

/** A child's own journal does not say whose it is; the wait of its parent does. */
function parentsIn(journals: readonly Journal[]): ReadonlyMap<string, { readonly run: string; readonly key: string }> {
  const parents = new Map<string, { readonly run: string; readonly key: string }>();
  for (const { id, entries } of journals)
    for (const entry of entries)
      if (entry.type === 'wait-start' && entry.child !== undefined)
        parents.set(entry.child, { run: id, key: entry.key });
  return parents;
}

function requestsOf(run: string, requests: readonly FlowRequestSource[]): ReadonlyMap<string, FlowRequest> {
  return new Map(
    requests
      .filter((request) => request.run.run === run)
      .map(({ id, kind, status, decision }) => [
        id,
        {
          id,
          kind,
          status,
          ...(decision === undefined ? {} : { decidedAt: decision.at }),
          ...(decision?.by === undefined ? {} : { by: decision.by }),
        },
      ]),
  );
}
