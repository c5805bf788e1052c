import type { PartialReason } from './partial.ts';
import type { Entry, MessageRange } from './entry.ts';
import type { SerializedError } from './serialize-error.ts';
import { advanceCursor, type EventCursor } from './event-cursor.ts';
import type { RunKey } from './ids.ts';
import type { Json } from './json.ts';
import type { LiveEvent, RunEvent, StepDelta, StepExecution } from './live-event.ts';
import type { Measurement } from './measurement.ts';
import type { Usage } from './message.ts';
import { isFinal, type RunStatus } from './run.ts';
import {
  ended,
  intended,
  interrupted,
  putOff,
  waited,
  type LiveBlockView,
  type LiveStepView,
  type StepView,
  type WaitView,
} from './step-view.ts';

/** A tree of runs as its events show it: plain JSON, to be kept and gone on with. */
export interface TreeView {
  readonly root: RunKey;
  /** Where reading goes on. */
  readonly cursor: EventCursor;
  /** By run id. */
  readonly runs: Readonly<Record<string, RunView>>;
}

/**
 * One run. All but {@link RunView.live} follows from its journal alone, so it is the same whatever live events a reader heard or missed, and
 * when the run is over nothing is open in it.
 */
export interface RunView {
  readonly status: RunStatus;
  readonly seq: number;
  readonly definition: string;
  readonly version: string;
  /** Of the last drive that has committed something. */
  readonly epoch: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Why it was asked to cancel. */
  readonly cancelled?: string;
  readonly blocked?: { readonly code: string; readonly message: string; readonly request: string };
  readonly output?: Json;
  /** The output is not whole. */
  readonly partial?: PartialReason;
  readonly error?: SerializedError;
  /** Steps on record, by key, in the order of their first entry. */
  readonly steps: Readonly<Record<string, StepView>>;
  readonly waits: Readonly<Record<string, WaitView>>;
  /** Ids of its own open requests. */
  readonly requests: readonly string[];
  /** Ids of its children by the keys that they were called by. */
  readonly children: Readonly<Record<string, string>>;
  readonly notes: readonly { readonly name: string; readonly data: Json }[];
  /** What its function has measured. */
  readonly measurements: readonly Measurement[];
  readonly messages: readonly MessageRange[];
  /** Sum of its own steps’. */
  readonly usage: Required<Pick<Usage, 'inputTokens' | 'outputTokens'>>;
  /** Steps under way, by key, as far as live events told. */
  readonly live: Readonly<Record<string, LiveStepView>>;
  /** Text of this epoch or an earlier one comes too late: the drive is over. */
  readonly restedEpoch: number;
}

/** The view before any event. */
export function emptyView(root: RunKey): TreeView {
  return { root, cursor: {}, runs: {} };
}

/**
 * The view after these events. Entries that it has seen change nothing; cut anywhere, stored and gone on with, it comes to the same.
 * Costs a copy of the runs that the events are about, so hand in a page at once rather than entry by entry.
 *
 * @throws {TypeError} when an entry is missing between what the view has seen and what it is given.
 */
export function foldEvents(view: TreeView, events: Iterable<RunEvent>): TreeView {
  const drafts = new Map<string, Draft>();
  let { cursor } = view;
  for (const event of events) {
    const { run } = event.run;
    const draft = drafts.get(run) ?? openDraft(Object.hasOwn(view.runs, run) ? view.runs[run] : undefined);
    drafts.set(run, draft);
    if (event.live) {
      foldLive(draft, event.event);
      continue;
    }
    const { entry } = event;
    if (entry.seq <= draft.rest.seq) continue;
    if (entry.seq !== draft.rest.seq + 1)
      throw new TypeError(`Entry ${entry.seq} of run ${run} does not follow entry ${draft.rest.seq}`);
    foldEntry(draft, entry);
    cursor = advanceCursor(view.root, cursor, event);
  }
  const runs = new Map(Object.entries(view.runs));
  for (const [run, draft] of drafts) runs.set(run, closeDraft(draft));
  return { root: view.root, cursor, runs: Object.fromEntries(runs) };
}

type Collections = 'steps' | 'waits' | 'requests' | 'children' | 'notes' | 'measurements' | 'messages' | 'live';
type Rest = { -readonly [K in keyof Omit<RunView, Collections>]: RunView[K] };

/** A run’s view while it changes. Maps, because a key may be any text. */
interface Draft {
  readonly rest: Rest;
  readonly steps: Map<string, StepView>;
  readonly waits: Map<string, WaitView>;
  readonly requests: Set<string>;
  readonly children: Map<string, string>;
  readonly notes: RunView['notes'][number][];
  readonly measurements: Measurement[];
  readonly messages: MessageRange[];
  readonly live: Map<string, LiveStepView>;
}

const UNSTARTED: Rest = {
  status: 'queued',
  seq: 0,
  definition: '',
  version: '',
  epoch: 0,
  startedAt: 0,
  usage: { inputTokens: 0, outputTokens: 0 },
  restedEpoch: 0,
};

function openDraft(view: RunView | undefined): Draft {
  const {
    steps = {},
    waits = {},
    requests = [],
    children = {},
    notes = [],
    measurements = [],
    messages = [],
    live = {},
    ...rest
  } = view ?? {};
  return {
    rest: { ...UNSTARTED, ...rest },
    steps: new Map(Object.entries(steps)),
    waits: new Map(Object.entries(waits)),
    requests: new Set(requests),
    children: new Map(Object.entries(children)),
    notes: [...notes],
    measurements: [...measurements],
    messages: [...messages],
    live: new Map(Object.entries(live)),
  };
}

function closeDraft(draft: Draft): RunView {
  return {
    ...draft.rest,
    steps: Object.fromEntries(draft.steps),
    waits: Object.fromEntries(draft.waits),
    requests: [...draft.requests],
    children: Object.fromEntries(draft.children),
    notes: draft.notes,
    measurements: draft.measurements,
    messages: draft.messages,
    live: Object.fromEntries(draft.live),
  };
}

function foldEntry(draft: Draft, entry: Entry): void {
  const { rest } = draft;
  rest.seq = entry.seq;
  switch (entry.type) {
    case 'run-start':
      rest.definition = entry.definition;
      rest.version = entry.version;
      rest.startedAt = entry.at;
      if (entry.messages !== undefined) draft.messages.push(entry.messages);
      return;
    case 'run-claim':
      rest.status = 'running';
      rest.epoch = entry.epoch;
      dropLive(draft, entry.epoch);
      interruptSteps(draft);
      return;
    case 'step-intent':
      draft.steps.set(entry.key, intended(entry));
      return;
    case 'step-pause': {
      const effect = draft.steps.get(entry.key)?.effect;
      if (entry.unasked) draft.steps.delete(entry.key);
      else draft.steps.set(entry.key, putOff(entry, effect));
      draft.live.delete(entry.key);
      return;
    }
    case 'step-end':
      draft.steps.set(entry.key, ended(entry, draft.steps.get(entry.key)));
      draft.live.delete(entry.key);
      if (entry.messages !== undefined) draft.messages.push(entry.messages);
      rest.usage = {
        inputTokens: rest.usage.inputTokens + (entry.usage?.inputTokens ?? 0),
        outputTokens: rest.usage.outputTokens + (entry.usage?.outputTokens ?? 0),
      };
      return;
    case 'wait-start':
      draft.waits.set(entry.key, waited(entry));
      if (entry.request !== undefined) draft.requests.add(entry.request);
      if (entry.child !== undefined) draft.children.set(entry.key, entry.child);
      return;
    case 'wait-end': {
      const wait: WaitView = draft.waits.get(entry.key) ?? { kind: entry.kind, open: true };
      const timedOut = entry.timedOut === undefined ? {} : { timedOut: entry.timedOut };
      const partial = entry.partial === undefined ? {} : { partial: entry.partial };
      draft.waits.set(entry.key, { ...wait, open: false, outcome: entry.outcome, ...timedOut, ...partial });
      if (wait.request !== undefined) draft.requests.delete(wait.request);
      return;
    }
    case 'note':
      draft.notes.push({ name: entry.name, data: entry.data });
      return;
    case 'measure':
      draft.measurements.push(...entry.measurements);
      return;
    case 'run-park':
      rest.status = 'waiting';
      return comeToRest(draft);
    case 'run-block':
      rest.status = 'blocked';
      rest.blocked = { code: entry.code, message: entry.message, request: entry.request };
      draft.requests.add(entry.request);
      return comeToRest(draft);
    case 'run-unblock':
      rest.status = 'running';
      delete rest.blocked;
      draft.requests.delete(entry.request);
      return;
    case 'run-cancel':
      rest.cancelled = entry.reason;
      return;
    case 'run-deadline':
      return;
    case 'run-end':
      return endRun(draft, entry);
    default:
      entry satisfies never;
      throw new TypeError(`Entry ${(entry as Entry).seq} has the unknown type ${(entry as Entry).type}`);
  }
}

function endRun(draft: Draft, entry: Extract<Entry, { type: 'run-end' }>): void {
  const { rest } = draft;
  rest.status = entry.status;
  rest.endedAt = entry.at;
  delete rest.blocked;
  if (entry.output !== undefined) rest.output = entry.output;
  if (entry.partial !== undefined) rest.partial = entry.partial;
  if (entry.error !== undefined) rest.error = entry.error;
  comeToRest(draft);
  for (const [key, step] of draft.steps) if (step.state === 'paused') draft.steps.set(key, interrupted(step));
  draft.requests.clear();
  for (const [key, wait] of draft.waits) if (wait.open) draft.waits.set(key, { ...wait, open: false });
}

/** The drive is over: what it had under way is not under way any more. */
function comeToRest(draft: Draft): void {
  draft.rest.restedEpoch = draft.rest.epoch;
  draft.live.clear();
  interruptSteps(draft);
}

function interruptSteps({ steps }: Draft): void {
  for (const [key, step] of steps) if (step.state === 'running') steps.set(key, interrupted(step));
}

function dropLive({ live }: Draft, before: number): void {
  for (const [key, step] of live) if (step.epoch < before) live.delete(key);
}

function foldLive(draft: Draft, event: LiveEvent): void {
  if (event.type === 'gap' || isLate(draft, event)) return;
  const { key, epoch, attempt } = event;
  // One drive at a time: what an earlier one had under way died with it.
  dropLive(draft, epoch);
  const known = draft.live.get(key);
  if (known !== undefined && isBefore(event, known)) return;
  const step = known !== undefined && !isBefore(known, event) ? known : { epoch, attempt, blocks: [] };
  switch (event.type) {
    case 'step-reset':
      draft.live.set(key, step);
      return;
    case 'step-start':
      draft.live.set(key, { ...step, kind: event.kind, ...(event.name === undefined ? {} : { name: event.name }) });
      return;
    case 'step-delta': {
      const at = step.blocks.findIndex(({ id }) => id === event.block.id);
      const blocks = [...step.blocks];
      blocks[at < 0 ? blocks.length : at] = saidOn(step.blocks[at] ?? { ...event.block, text: '', missing: 0 }, event);
      draft.live.set(key, { ...step, blocks });
      return;
    }
    default:
      event satisfies never;
  }
}

function saidOn(block: LiveBlockView, { offset, text }: StepDelta): LiveBlockView {
  const head = block.text.length + block.missing;
  const missing = block.missing + Math.max(0, offset - head);
  return { ...block, text: block.text + text.slice(Math.max(0, head - offset)), missing };
}

/** What was said on the way to an outcome or a pause, or by a drive that is over, may reach a reader after it. */
function isLate({ rest, steps }: Draft, { key, epoch, attempt }: StepExecution): boolean {
  if (isFinal(rest.status) || epoch < rest.epoch || epoch <= rest.restedEpoch) return true;
  const step = steps.get(key);
  if (step?.state === 'paused') return epoch === rest.epoch && attempt <= step.attempt;
  return step?.state === 'completed' || step?.state === 'failed';
}

function isBefore(a: Pick<StepExecution, 'epoch' | 'attempt'>, b: Pick<StepExecution, 'epoch' | 'attempt'>): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.attempt < b.attempt);
}
