import { userInfo, hostname } from 'node:os';
import {
  hashJson,
  PAGE_LIMIT,
  PrusikError,
  type InterventionChoice,
  type Json,
  type Request,
  type RequestKind,
  type RunKey,
  type Store,
} from '@prusik/core';
import type { Decided, DecisionOptions } from '@prusik/durable';
import type { Call, Command, Option } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { requireRun } from '../tree.ts';
import { jsonOf, oneOf, usage } from '../values.ts';

const WHO: Readonly<Record<string, Option>> = {
  by: { type: 'string', value: 'NAME', help: 'who decides, on record (default: cli:USER@HOST)' },
  reason: { type: 'string', value: 'TEXT', help: 'on record, and told to the model where it asked' },
};

const NOTES = [
  'REQUEST may be left out where the tree of the run has one open request that this command can decide.',
  'Whoever can open the database may decide: policies of programs (canAnswer) are not asked.',
];

const CHOICES: readonly InterventionChoice[] = ['happened', 'retry', 'fail'];

export const approve: Command = {
  summary: 'Let a tool call that waits for approval run, once',
  operands: ['RUN', '[REQUEST]'],
  options: WHO,
  notes: NOTES,
  run: (call) =>
    decide(call, ['approval'], { status: 'approved' }, (run, id, who) => call.open().decisions.approve(run, id, who)),
};

export const reject: Command = {
  summary: 'Say no to an approval, a question or a sign-in',
  operands: ['RUN', '[REQUEST]'],
  options: WHO,
  notes: NOTES,
  run: (call) =>
    decide(call, ['approval', 'question', 'client-tool', 'sign-in'], { status: 'rejected' }, (run, id, who) =>
      call.open().decisions.reject(run, id, who),
    ),
};

export const edit: Command = {
  summary: 'Approve a tool call with another input',
  operands: ['RUN', '[REQUEST]'],
  options: { input: { type: 'string', value: 'JSON', help: 'the input, or @FILE for what stands in a file' }, ...WHO },
  notes: NOTES,
  run(call) {
    const input = jsonOf(call, 'input');
    if (input === undefined) throw usage('prusik edit needs --input JSON');
    return decide(call, ['approval'], { status: 'edited', value: input }, (run, id, who) =>
      call.open().decisions.edit(run, id, input, who),
    );
  },
};

export const answer: Command = {
  summary: 'Answer a question, or a tool that a person runs',
  operands: ['RUN', '[REQUEST]'],
  options: {
    value: { type: 'string', value: 'JSON', help: 'the answer, or @FILE for what stands in a file' },
    text: { type: 'string', value: 'TEXT', help: 'the answer, where it is a text' },
    ...WHO,
  },
  notes: NOTES,
  run(call) {
    const text = call.values.text('text');
    const value = call.values.text('value') === undefined ? text : jsonOf(call, 'value');
    if (value === undefined || (text !== undefined && call.values.text('value') !== undefined))
      throw usage('prusik answer needs --value JSON or --text TEXT, one of them');
    return decide(call, ['question', 'client-tool', 'sign-in'], { status: 'answered', value }, (run, id, who) =>
      call.open().decisions.answer(run, id, value, who),
    );
  },
};

export const intervene: Command = {
  summary: 'Decide what becomes of a blocked run: happened, retry or fail',
  operands: ['RUN', 'CHOICE'],
  options: {
    request: { type: 'string', value: 'REQUEST', help: 'which one (default: the open intervention of the tree)' },
    output: { type: 'string', value: 'JSON', help: 'with happened: what the step would have returned, or @FILE' },
    ...WHO,
  },
  notes: [
    'happened: the step in doubt did happen. retry: it is executed again, or the run is driven again. fail: the step, or the run, fails.',
    'Whoever can open the database may decide: policies of programs (canAnswer) are not asked.',
  ],
  run(call) {
    const choice = oneOf('CHOICE', call.operand(1), CHOICES);
    const output = jsonOf(call, 'output');
    const what = { choice, ...(output === undefined ? {} : { output }) };
    return decide(
      call,
      ['intervention'],
      { status: 'answered', value: what },
      (run, id, who) => call.open().decisions.intervene(run, id, what, who),
      call.values.text('request'),
    );
  },
};

async function decide(
  call: Call,
  kinds: readonly RequestKind[],
  wanted: { readonly status: Request['status']; readonly value?: Json },
  say: (run: RunKey, request: string, who: DecisionOptions) => Promise<Decided>,
  named = kinds.includes('intervention') || call.operands() < 2 ? undefined : call.operand(1),
): Promise<ExitCode> {
  const { tell, values, open, keyOf, operand } = call;
  const run = keyOf(operand(0));
  const reason = values.text('reason');
  const id = named ?? (await onlyOpen(open().store, run, kinds)).id;
  const decided = await say(run, id, {
    by: values.text('by') ?? whoIsThis(),
    ...(reason === undefined ? {} : { reason }),
  });
  if (decided.outcome === 'unknown') throw new PrusikError('REQUEST_UNKNOWN', `There is no request ${id}`);
  const { request, outcome } = decided;
  const by = request.decision?.by;
  if (outcome === 'already' && !isSaid(request, wanted))
    throw new PrusikError(
      'DECIDED_OTHERWISE',
      `Request ${id} was closed before: ${request.status}${by === undefined ? '' : ` by ${by}`}`,
    );
  tell.thing('decision', { run: request.run.run, request: id, outcome, status: request.status, by }, [
    outcome === 'already'
      ? `Request ${id} was ${request.status} before${by === undefined ? '' : `, by ${by}`}`
      : `Request ${id} of run ${request.run.run} is ${request.status}`,
  ]);
  return EXIT.ok;
}

/** Whether it was decided in this way; saying the same again is no other decision. */
function isSaid({ status, decision }: Request, wanted: { readonly status: string; readonly value?: Json }): boolean {
  return (
    status === wanted.status &&
    (wanted.value === undefined || hashJson(decision?.value ?? null) === hashJson(wanted.value))
  );
}

/** The request that is meant where none is named. */
async function onlyOpen(store: Store, run: RunKey, kinds: readonly RequestKind[]): Promise<Request> {
  const found = await requireRun(store, run);
  // A run that is no root has no tree of its own in the lists.
  const where = found.root === run.run ? { root: run.run } : { run: run.run };
  const { items } = await store.listRequests({
    tenant: run.tenant,
    ...where,
    status: ['open'],
    kind: kinds,
    limit: PAGE_LIMIT,
  });
  const [only] = items;
  if (only !== undefined && items.length === 1) return only;
  throw items.length === 0
    ? new PrusikError('REQUEST_UNKNOWN', `Run ${run.run} has no open request of kind ${kinds.join(' or ')}`)
    : usage(`Run ${run.run} has ${items.length} such requests; name one: ${items.map(({ id }) => id).join(', ')}`);
}

function whoIsThis(): string {
  try {
    return `cli:${userInfo().username}@${hostname()}`;
  } catch {
    return 'cli';
  }
}
