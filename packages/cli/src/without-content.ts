import type { Entry, Request, Run, StepView, WaitView } from '@prusik/core';

/** Of a union: a field that any of its members has. */
type FieldOf<T> = T extends unknown ? keyof T : never;

/** Fields by whether they are shown unasked: names, ids, numbers, codes and times are. Content is not, nor are hashes of it, which can be guessed. */
type Fields<T> = { readonly [Field in FieldOf<T>]-?: boolean };

/** Content that is told by its code. */
interface Coded {
  /** Of an entry, which may have none of the others. */
  readonly type?: string;
  readonly error?: { readonly code: string };
  readonly partial?: { readonly code: string };
  readonly outcome?: { readonly ok: boolean; readonly error?: { readonly code: string } };
}

/** The compiler asks about every field that comes; one that nobody was asked about is not shown. */
const ENTRY: Fields<Entry> = {
  type: true,
  seq: true,
  at: true,
  key: true,
  kind: true,
  name: true,
  definition: true,
  version: true,
  history: true,
  messages: true,
  trace: true,
  worker: true,
  epoch: true,
  attempt: true,
  definitionHash: false,
  fingerprint: false,
  effect: true,
  reserved: true,
  unasked: true,
  request: true,
  until: true,
  error: false,
  failures: true,
  capacityMs: true,
  usage: true,
  costMicros: true,
  outcome: false,
  durationMs: true,
  absorbed: true,
  denied: true,
  settledBy: true,
  facts: true,
  measurements: false,
  child: true,
  onParentEnd: true,
  partial: false,
  timedOut: true,
  data: false,
  waits: true,
  wakeAt: true,
  code: true,
  message: false,
  charged: true,
  choice: true,
  reason: false,
  status: true,
  output: false,
  absorbedBy: true,
};

const RUN: Fields<Run> = {
  key: true,
  kind: true,
  definition: true,
  version: true,
  status: true,
  inputHash: false,
  session: true,
  root: true,
  parent: true,
  depth: true,
  priority: true,
  attended: true,
  rights: true,
  workspace: true,
  createdAt: true,
  endedAt: true,
  epoch: true,
  seq: true,
  inbox: true,
  cancelRequested: true,
  wakeAt: true,
  partial: false,
  error: false,
  absorbedBy: true,
  blocked: true,
  compactedAt: true,
  imported: true,
  input: false,
  context: false,
  turn: false,
  output: false,
};

const STEP: Fields<StepView> = {
  state: true,
  kind: true,
  name: true,
  attempt: true,
  effect: true,
  until: true,
  error: false,
  outcome: false,
  durationMs: true,
  usage: true,
  messages: true,
  denied: true,
  settledBy: true,
  facts: true,
  measurements: false,
};

const WAIT: Fields<WaitView> = {
  kind: true,
  open: true,
  until: true,
  child: true,
  request: true,
  outcome: false,
  partial: false,
  timedOut: true,
};

const REQUEST: Fields<Request> = {
  id: true,
  kind: true,
  stepKey: true,
  body: false,
  schema: false,
  expiresAt: true,
  run: true,
  root: true,
  parent: true,
  session: true,
  definition: true,
  status: true,
  openedAt: true,
  decision: false,
  claimed: true,
};

/** A value without its content. */
export type Shown = Readonly<Record<string, unknown>>;

export const entryShown = (entry: Entry): Shown => ({ ...only(ENTRY, entry), ...okOf(entry), ...codesOf(entry) });
export const runShown = (run: Pick<Run, 'key'> & Coded): Shown => ({ ...only(RUN, run), ...codesOf(run) });
export const stepShown = (step: StepView): Shown => ({ ...only(STEP, step), ...codesOf(step) });
export const waitShown = (wait: WaitView): Shown => ({ ...only(WAIT, wait), ...codesOf(wait) });
export const requestShown = (request: Request): Shown => only(REQUEST, request);

/** The code that something failed with. */
export const errorCodeOf = ({ outcome, error }: Coded): string | undefined =>
  outcome?.ok === false ? outcome.error?.code : error?.code;

function codesOf(value: Coded): Shown {
  const error = errorCodeOf(value);
  const partial = value.partial?.code;
  return { ...(error === undefined ? {} : { error }), ...(partial === undefined ? {} : { partial }) };
}

const okOf = ({ outcome }: Coded): Shown => (outcome === undefined ? {} : { ok: outcome.ok });

function only(fields: Readonly<Record<string, boolean>>, value: object): Shown {
  return Object.fromEntries(Object.entries(value).filter(([name]) => Object.hasOwn(fields, name) && fields[name]));
}
