import {
  addUsage,
  type Entry,
  type RunStatus,
  type StepEnd,
  type StepIntent,
  type StepPause,
  type Usage,
  type WaitStart,
} from '@prusik/core';
import type { FlowMark, FlowNode, FlowRequest, FlowRun, FlowStep, FlowWait } from './flow.ts';

type Stamped<Body> = Body & { readonly at: number; readonly seq: number };

interface Around {
  readonly parent: { readonly run: string; readonly key: string } | undefined;
  readonly requests: ReadonlyMap<string, FlowRequest>;
}

/** A node with the number of the entry that first told of it, which orders what began at one time. */
interface Placed<Node extends FlowNode = FlowNode> {
  readonly seq: number;
  node: Node;
}

/** The flow of one run; `undefined` where its journal does not begin with its beginning. */
export function runFlow(
  { id, entries }: { readonly id: string; readonly entries: readonly Entry[] },
  { parent, requests }: Around,
): FlowRun | undefined {
  const [start] = entries;
  if (start?.type !== 'run-start') return undefined;
  const steps = new Map<string, Placed<FlowStep>>();
  const waits = new Map<string, Placed<FlowWait>>();
  const marks: Placed<FlowMark>[] = [];
  const request = (named: string): FlowRequest => requests.get(named) ?? { id: named };
  let status: RunStatus = 'queued';
  let drives = 0;
  let usage: Usage | undefined;
  let costMicros: number | undefined;
  let end: Partial<FlowRun> = {};

  const mark = ({ at, seq }: Entry, what: FlowMark['what'], more: Partial<FlowMark> = {}): void =>
    void marks.push({ seq, node: { type: 'mark', what, at, ...more } });

  for (const entry of entries) {
    switch (entry.type) {
      case 'run-start':
        break;
      case 'run-claim':
        drives += 1;
        status = 'running';
        mark(entry, entry.attempt > 1 ? 'takeover' : 'claim', { epoch: entry.epoch });
        break;
      case 'step-intent':
        begin(steps, entry, 'open');
        break;
      case 'step-pause':
        // Nobody had asked for it.
        if (entry.unasked) steps.delete(entry.key);
        else pause(steps, entry);
        break;
      case 'step-end':
        endStep(steps, entry);
        if (entry.usage !== undefined) usage = usage === undefined ? entry.usage : addUsage(usage, entry.usage);
        if (entry.costMicros !== undefined) costMicros = (costMicros ?? 0) + entry.costMicros;
        break;
      case 'wait-start':
        waits.set(entry.key, { seq: entry.seq, node: beginWait(entry, request) });
        break;
      case 'wait-end': {
        const found = waits.get(entry.key);
        if (found === undefined) break;
        const { outcome, partial, timedOut } = entry;
        found.node = {
          ...found.node,
          state: timedOut === true ? 'timed-out' : outcome.ok ? 'came' : 'failed',
          endedAt: entry.at,
          ...(outcome.ok ? {} : { error: outcome.error.code }),
          ...(partial === undefined ? {} : { partial: partial.code }),
        };
        break;
      }
      case 'note':
        mark(entry, 'note', { name: entry.name });
        break;
      case 'measure':
        break;
      case 'run-park':
        status = 'waiting';
        mark(entry, 'park');
        break;
      case 'run-block': {
        status = 'blocked';
        const { code, key } = entry;
        mark(entry, 'block', { name: code, request: request(entry.request), ...(key === undefined ? {} : { key }) });
        const step = key === undefined ? undefined : steps.get(key);
        if (step?.node.state === 'open') step.node = { ...step.node, state: 'doubt' };
        break;
      }
      case 'run-unblock':
        status = 'running';
        mark(entry, 'unblock', {
          name: entry.choice,
          request: request(entry.request),
          ...(entry.key === undefined ? {} : { key: entry.key }),
        });
        break;
      case 'run-cancel':
        mark(entry, 'cancel');
        break;
      case 'run-deadline':
        mark(entry, 'deadline');
        break;
      case 'run-end':
        ({ status } = entry);
        end = {
          ...(entry.error === undefined ? {} : { error: entry.error.code }),
          ...(entry.partial === undefined ? {} : { partial: entry.partial.code }),
          ...(entry.absorbedBy === undefined ? {} : { absorbedBy: entry.absorbedBy }),
        };
        for (const step of steps.values())
          if (step.node.endedAt === undefined && step.node.state !== 'doubt')
            step.node = { ...step.node, state: 'lost' };
        for (const wait of waits.values())
          if (wait.node.state === 'open') wait.node = { ...wait.node, state: 'lost', endedAt: entry.at };
        break;
      default:
        entry satisfies never;
    }
  }
  const nodes = [...steps.values(), ...waits.values(), ...claimsFirst(marks, [...steps.values(), ...waits.values()])]
    .toSorted((a, b) => beganAt(a.node) - beganAt(b.node) || a.seq - b.seq)
    .map(({ node }) => node);
  return {
    id,
    definition: start.definition,
    version: start.version,
    status,
    startedAt: start.at,
    at: entries.at(-1)?.at ?? start.at,
    ...(parent === undefined ? {} : { parent }),
    ...end,
    drives,
    ...(usage === undefined ? {} : { usage }),
    ...(costMicros === undefined ? {} : { costMicros }),
    nodes,
  };
}

/** A claim is written with the first commit after it, so it is at the latest when that drive's first step began. */
function claimsFirst(
  marks: readonly Placed<FlowMark>[],
  nodes: readonly Placed<FlowStep | FlowWait>[],
): readonly Placed<FlowMark>[] {
  const bySeq: readonly Placed[] = [...nodes, ...marks.filter(isClaim)].toSorted((a, b) => b.seq - a.seq);
  const times = new Map<number, number>();
  let earliest = Number.POSITIVE_INFINITY;
  // From the last on: what began since the claim that comes next in this order.
  for (const placed of bySeq) {
    earliest = Math.min(earliest, beganAt(placed.node));
    if (placed.node.type !== 'mark') continue;
    times.set(placed.seq, earliest);
    earliest = Number.POSITIVE_INFINITY;
  }
  return marks.map(({ seq, node }) => ({ seq, node: { ...node, at: times.get(seq) ?? node.at } }));
}

const isClaim = ({ node }: Placed<FlowMark>): boolean => node.what === 'claim' || node.what === 'takeover';

const beganAt = (node: FlowNode): number => (node.type === 'mark' ? node.at : node.startedAt);

/** An execution that is on record before its end: an intent, or a pause after it. */
function begin(
  steps: Map<string, Placed<FlowStep>>,
  { key, kind, name, attempt, at, seq }: Stamped<StepIntent | StepPause>,
  state: FlowStep['state'],
): Placed<FlowStep> {
  const found = steps.get(key);
  const placed: Placed<FlowStep> = found ?? {
    seq,
    node: { type: 'step', key, kind, ...(name === undefined ? {} : { name }), state, startedAt: at, attempts: attempt },
  };
  placed.node = { ...placed.node, state, attempts: attempt };
  steps.set(key, placed);
  return placed;
}

function pause(steps: Map<string, Placed<FlowStep>>, entry: Stamped<StepPause>): void {
  const placed = begin(steps, entry, 'paused');
  const { at, until, error } = entry;
  placed.node = { ...placed.node, pauses: [...(placed.node.pauses ?? []), { at, until, code: error.code }] };
}

function endStep(steps: Map<string, Placed<FlowStep>>, entry: Stamped<StepEnd>): void {
  const {
    key,
    kind,
    name,
    attempt,
    at,
    seq,
    outcome,
    durationMs,
    usage,
    costMicros,
    denied,
    settledBy,
    absorbed,
    facts,
  } = entry;
  const before = steps.get(key);
  steps.set(key, {
    seq: before?.seq ?? seq,
    node: {
      type: 'step',
      key,
      kind,
      ...(name === undefined ? {} : { name }),
      state: outcome.ok ? 'completed' : settledBy === 'doubt' ? 'doubt' : 'failed',
      // Of a step that may be repeated nothing is on record before its end.
      startedAt: before?.node.startedAt ?? Math.max(0, at - durationMs),
      endedAt: at,
      attempts: attempt,
      ...(before?.node.pauses === undefined ? {} : { pauses: before.node.pauses }),
      ...(outcome.ok ? {} : { error: outcome.error.code }),
      ...(usage === undefined ? {} : { usage }),
      ...(costMicros === undefined ? {} : { costMicros }),
      ...(denied === undefined || denied.length === 0 ? {} : { denied }),
      ...(settledBy === undefined ? {} : { settledBy }),
      ...(absorbed === undefined || absorbed.length === 0 ? {} : { absorbed }),
      ...(kind === 'model' && key.startsWith('compact:') ? { compacts: true as const } : {}),
      ...(facts === undefined ? {} : { facts }),
    },
  });
}

function beginWait(
  { key, kind, at, until, child, request }: Stamped<WaitStart>,
  read: (id: string) => FlowRequest,
): FlowWait {
  return {
    type: 'wait',
    key,
    kind,
    state: 'open',
    startedAt: at,
    ...(until === undefined ? {} : { until }),
    ...(child === undefined ? {} : { child }),
    ...(request === undefined ? {} : { request: read(request) }),
  };
}
