import {
  describeSummary,
  type Page,
  type RunDetails,
  type RunQuery,
  type RunState,
  type RunSummary,
} from '@prusik/core';
import type { Numbered } from './numbered-rows.ts';
import { timedPage } from './timed-page.ts';

/** A run as far as a list looks at it. */
export interface ListedRun extends Numbered {
  readonly state: RunState;
  readonly body: RunDetails;
}

/** One page of these runs, which are in the order of their creation. */
export function listMemoryRuns(runs: readonly ListedRun[], query: RunQuery): Page<RunSummary> {
  const ended = query.time === 'ended';
  return timedPage({
    rows: ended ? byEnd(runs) : runs,
    placeOf: ({ state, body, number }) => ({ at: ended ? endOf(state) : body.createdAt, number }),
    matches: (run) => matches(run, query),
    show: ({ state, body }) => Object.freeze(describeSummary(state, body)),
    page: query,
  });
}

function matches({ state, body }: ListedRun, query: RunQuery): boolean {
  return (
    (query.status === undefined || query.status.includes(state.status)) &&
    (query.kind === undefined || query.kind.includes(body.kind)) &&
    (query.definition === undefined || query.definition.includes(state.definition)) &&
    (query.session === undefined || query.session === state.session) &&
    (query.root === undefined || query.root === state.root) &&
    (query.parent === undefined || query.parent === state.parent?.run) &&
    (query.roots !== true || state.parent === undefined) &&
    (query.blocked === undefined || query.blocked === state.blocked?.code)
  );
}

function byEnd(runs: readonly ListedRun[]): readonly ListedRun[] {
  return runs
    .filter(({ state }) => state.endedAt !== null)
    .toSorted((a, b) => endOf(a.state) - endOf(b.state) || a.number - b.number);
}

function endOf({ endedAt }: RunState): number {
  return endedAt ?? Infinity;
}
