import { isFinal, type Ledger, type Request, type Run, type RunSummary, type RunView } from '@prusik/core';
import type { Call, Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { spanText, timeText, type Teller } from '../tell.ts';
import { requireRun, runsOfTree, viewOf } from '../tree.ts';
import { errorCodeOf, runShown, stepShown, waitShown } from '../without-content.ts';
import { requestCells, withoutContent } from './requests.ts';
import { runCells } from './runs.ts';

export const show: Command = {
  summary: 'Show where a run stands: its steps, children, open requests and spending',
  operands: ['RUN'],
  options: { content: { type: 'boolean', help: 'with input, context, output, error messages and outcomes' } },
  async run(call) {
    const { tell, open, keyOf, operand, values } = call;
    const { store } = open();
    const run = await requireRun(store, keyOf(operand(0)));
    const content = values.has('content');
    const { tenant } = run.key;
    const [tree, view, requests, ledger] = await Promise.all([
      runsOfTree(store, run),
      viewOf(store, run.key),
      store.listRequests({ tenant, root: run.root, status: ['open'], limit: 100 }),
      store.ledger(run.key),
    ]);
    const steps = view.runs[run.key.run];
    const asked = requests.items.filter((request) => tree.some(({ key }) => key.run === request.run.run));
    if (call.tell.json) {
      tellJson(call, { run, tree, view: steps, asked, ledger, content });
      return EXIT.ok;
    }
    for (const line of runLines(run, content)) tell.hint(line);
    if (ledger !== undefined) tell.hint(`spent    ${JSON.stringify(ledger)}`);
    tellSteps(tell, steps, content);
    if (tree.length > 1) {
      tell.hint('');
      tell.rows('run', tree, {
        columns: ['run', 'status', 'definition', 'created', 'ended', 'why'],
        cells: runCells,
        none: '',
      });
    }
    if (asked.length > 0) {
      tell.hint('');
      tell.rows('request', asked, {
        columns: ['run', 'request', 'kind', 'status', 'opened', 'about'],
        cells: (request) => requestCells(request, content),
        none: '',
      });
    }
    return EXIT.ok;
  },
};

interface Shown {
  readonly run: Run;
  readonly tree: readonly RunSummary[];
  readonly view: RunView | undefined;
  readonly asked: readonly Request[];
  readonly ledger: Ledger | undefined;
  readonly content: boolean;
}

function tellJson({ tell }: Call, { run, tree, view, asked, ledger, content }: Shown): void {
  tell.thing('run', content ? run : runShown(run), []);
  for (const [key, step] of Object.entries(view?.steps ?? {}))
    tell.thing('step', { key, ...(content ? step : stepShown(step)) }, []);
  for (const [key, wait] of Object.entries(view?.waits ?? {}))
    tell.thing('wait', { key, ...(content ? wait : waitShown(wait)) }, []);
  for (const child of tree)
    if (child.key.run !== run.key.run) tell.thing('child', content ? child : runShown(child), []);
  for (const request of asked) tell.thing('request', content ? request : withoutContent(request), []);
  if (ledger !== undefined) tell.thing('ledger', ledger, []);
}

function runLines(run: Run, content: boolean): readonly string[] {
  const { key, status, kind, definition, version, session, parent, createdAt, endedAt, wakeAt, blocked, error } = run;
  const took = endedAt === undefined ? '' : ` (${spanText(endedAt - createdAt)})`;
  return [
    `run      ${key.run}: ${status}${blocked === undefined ? '' : `, ${blocked.code}`}${run.cancelRequested && !isFinal(status) ? ', asked to cancel' : ''}`,
    `what     ${kind} ${definition}, version ${version}`,
    ...(session === undefined ? [] : [`session  ${session}`]),
    ...(parent === undefined ? [] : [`parent   ${parent.run}, step ${parent.key}; root ${run.root}`]),
    `created  ${timeText(createdAt)}${endedAt === undefined ? '' : `, ended ${timeText(endedAt)}${took}`}`,
    ...(wakeAt === null || isFinal(status) ? [] : [`wakes    ${timeText(wakeAt)}`]),
    `journal  ${run.seq} entries, epoch ${run.epoch}`,
    ...(error === undefined ? [] : [`error    ${error.code}${content ? `: ${error.message}` : ''}`]),
    ...(content ? [`input    ${JSON.stringify(run.input)}`, `context  ${JSON.stringify(run.context)}`] : []),
    ...(content && run.output !== undefined ? [`output   ${JSON.stringify(run.output)}`] : []),
  ];
}

function tellSteps(tell: Teller, view: RunView | undefined, content: boolean): void {
  const steps = Object.entries(view?.steps ?? {});
  const waits = Object.entries(view?.waits ?? {}).filter(([, wait]) => wait.open);
  if (steps.length + waits.length === 0) return;
  tell.hint('');
  const rows = [
    ...steps.map(([key, step]) => ({
      key,
      kind: step.kind as string,
      name: step.name,
      state: step.state as string,
      took: step.durationMs === undefined ? undefined : spanText(step.durationMs),
      what:
        content && step.outcome?.ok === true
          ? JSON.stringify(step.outcome.value)
          : (errorCodeOf(step) ?? usageText(step.usage)),
    })),
    ...waits.map(([key, wait]) => ({
      key,
      kind: wait.kind as string,
      name: wait.child ?? wait.request,
      state: 'waits',
      took: undefined,
      what: wait.until === undefined ? undefined : `until ${timeText(wait.until)}`,
    })),
  ];
  tell.rows('step', rows, {
    columns: ['step', 'kind', 'name', 'state', 'took', 'what'],
    cells: ({ key, kind, name, state, took, what }) => [key, kind, name, state, took, what],
    none: '',
  });
}

function usageText(usage: RunView['steps'][string]['usage']): string | undefined {
  if (usage === undefined) return undefined;
  return `${usage.inputTokens ?? '?'} in, ${usage.outputTokens ?? '?'} out`;
}
