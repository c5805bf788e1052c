import { FINAL_STATUSES, type RunKind, type RunStatus, type RunSummary } from '@prusik/core';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { LIST_OPTIONS, pagingOf, tellNext } from '../list-options.ts';
import { timeText } from '../tell.ts';
import { runShown } from '../without-content.ts';
import { listOf, momentOf, oneOf, wordsOf } from '../values.ts';

const STATUSES: readonly RunStatus[] = ['queued', 'running', 'waiting', 'blocked', ...FINAL_STATUSES];
const KINDS: readonly RunKind[] = ['agent', 'workflow', 'function'];

export const runs: Command = {
  summary: 'List runs, newest first',
  operands: [],
  options: {
    status: { type: 'string', multiple: true, value: 'STATUS', help: `${STATUSES.join(', ')}; several with commas` },
    definition: { type: 'string', multiple: true, value: 'NAME', help: 'only runs of these definitions' },
    kind: { type: 'string', multiple: true, value: 'KIND', help: KINDS.join(', ') },
    session: { type: 'string', value: 'ID', help: 'only runs of this session' },
    root: { type: 'string', value: 'RUN', help: 'only runs of this tree' },
    parent: { type: 'string', value: 'RUN', help: 'only children of this run' },
    roots: { type: 'boolean', help: 'only runs without a parent' },
    blocked: { type: 'string', value: 'CODE', help: 'only runs that are blocked with this code' },
    time: { type: 'string', value: 'WHICH', help: 'created or ended: what --since, --before and the order go by' },
    since: { type: 'string', value: 'WHEN', help: 'from then on: 2026-11-28, 2026-11-28T09:30:00Z, or 2h ago as 2h' },
    before: { type: 'string', value: 'WHEN', help: 'before then' },
    oldest: { type: 'boolean', help: 'oldest first' },
    ...LIST_OPTIONS,
  },
  async run(call) {
    const { values, tell, tenant } = call;
    const now = Date.now();
    const status = wordsOf(values, 'status', STATUSES);
    const kind = wordsOf(values, 'kind', KINDS);
    const definition = listOf(values, 'definition');
    const time = values.text('time');
    const since = momentOf(values, 'since', now);
    const before = momentOf(values, 'before', now);
    const named = ['session', 'root', 'parent', 'blocked'].flatMap((name) => {
      const value = values.text(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const page = await call.open().store.listRuns({
      tenant,
      ...pagingOf(call),
      ...Object.fromEntries(named),
      ...(status === undefined ? {} : { status }),
      ...(kind === undefined ? {} : { kind }),
      ...(definition === undefined ? {} : { definition }),
      ...(time === undefined ? {} : { time: oneOf('--time', time, ['created', 'ended']) }),
      ...(since === undefined ? {} : { since }),
      ...(before === undefined ? {} : { before }),
      ...(values.has('roots') ? { roots: true } : {}),
      ...(values.has('oldest') ? { order: 'oldest' as const } : {}),
    });
    tell.rows('run', page.items, {
      columns: ['run', 'status', 'definition', 'created', 'ended', 'why'],
      cells: runCells,
      shown: runShown,
      none: 'No such run.',
    });
    tellNext(call, page);
    return EXIT.ok;
  },
};

/** A run as a row of a table. */
export function runCells(run: RunSummary): readonly (string | undefined)[] {
  return [
    run.key.run,
    run.status,
    run.definition,
    timeText(run.createdAt),
    timeText(run.endedAt),
    run.blocked?.code ?? run.error?.code ?? (run.cancelRequested ? 'cancel asked' : undefined),
  ];
}
