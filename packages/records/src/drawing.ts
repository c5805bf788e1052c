import type { Flow, FlowNode, FlowRun, FlowStep, FlowWait } from './flow.ts';
import { duration, label } from './mermaid-text.ts';

/** A box of a diagram: one node of a flow, or several alike. */
export interface Box {
  readonly from: number;
  /** Of what is still open, the time of the run's last entry. */
  readonly to: number;
  readonly text: string;
  readonly shape: 'step' | 'wait' | 'person' | 'mark';
  /** How many nodes of the flow it stands for. */
  readonly count: number;
  /** Runs that it waited for. */
  readonly children: readonly string[];
  readonly bad: boolean;
  /** Its end is not on record. */
  readonly open: boolean;
  /** Kind of its step or wait. */
  readonly of: FlowStep['kind'] | FlowWait['kind'] | 'mark';
}

/** How much is drawn as one. `next`: alike ones that follow each other. `all`: all alike ones of a run, in whatever order. `runs`: a run is one box. */
export type Collapse = 'none' | 'next' | 'all' | 'runs';

/** Claims and parks of every resume say little in a picture; what people did, and what went wrong, stays. */
const DRAWN: ReadonlySet<string> = new Set(['takeover', 'block', 'unblock', 'cancel', 'deadline', 'note']);

export function boxesOf(run: FlowRun, collapse: Collapse): readonly Box[] {
  if (collapse === 'runs') return [];
  const boxes = run.nodes
    .filter((node) => node.type !== 'mark' || DRAWN.has(node.what))
    .map((node) => boxOf(node, run));
  return collapse === 'none' ? boxes : merged(boxes, collapse);
}

function boxOf(node: FlowNode, run: FlowRun): Box {
  if (node.type === 'mark')
    return {
      from: node.at,
      to: node.at,
      text: [node.what, node.name, node.request?.by === undefined ? undefined : `by ${node.request.by}`]
        .filter((part) => part !== undefined)
        .join(' '),
      shape: 'mark',
      count: 1,
      children: [],
      bad: node.what === 'block' || node.what === 'cancel' || node.what === 'deadline' || node.what === 'takeover',
      open: false,
      of: 'mark',
    };
  return {
    from: node.startedAt,
    to: Math.max(node.startedAt, node.endedAt ?? run.at),
    text: node.type === 'step' ? stepText(node) : waitText(node),
    shape: node.type === 'step' ? 'step' : node.kind === 'request' ? 'person' : 'wait',
    count: 1,
    children: node.type === 'wait' && node.child !== undefined ? [node.child] : [],
    bad: node.state !== 'completed' && node.state !== 'came',
    open: node.endedAt === undefined,
    of: node.kind,
  };
}

function stepText(step: FlowStep): string {
  const { kind, name, key, state, attempts, error, denied = [], settledBy, compacts, absorbed = [] } = step;
  return [
    compacts === true ? 'compaction' : kind,
    name ?? key,
    state === 'completed' ? undefined : state,
    error,
    attempts > 1 ? `${attempts} attempts` : undefined,
    settledBy === undefined ? undefined : `settled by ${settledBy}`,
    denied.length === 0 ? undefined : `denied ${denied.length}`,
    absorbed.length === 0 ? undefined : `steered ${absorbed.length}`,
  ]
    .filter((part) => part !== undefined)
    .join(' ');
}

function waitText({ kind, key, state, request, error }: FlowWait): string {
  const what = kind === 'request' ? (request?.kind ?? 'request') : kind;
  const said = kind === 'request' ? request?.status : undefined;
  return [
    what,
    said ?? (state === 'came' ? undefined : state),
    request?.by === undefined ? undefined : `by ${request.by}`,
    kind === 'request' ? undefined : key,
    error,
  ]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** Boxes of one text are one, with the time from the first to the last. */
function merged(boxes: readonly Box[], collapse: 'next' | 'all'): readonly Box[] {
  const made: Box[] = [];
  const placeOf = new Map<string, number>();
  for (const box of boxes) {
    const place = collapse === 'next' ? made.length - 1 : placeOf.get(box.text);
    const before = place === undefined ? undefined : made[place];
    if (before === undefined || before.text !== box.text || place === undefined) {
      placeOf.set(box.text, made.length);
      made.push(box);
      continue;
    }
    made[place] = {
      ...before,
      to: Math.max(before.to, box.to),
      count: before.count + box.count,
      children: [...before.children, ...box.children],
    };
  }
  return made;
}

/** How often, and how long from the first beginning to the last end. */
export function boxLabel({ text, count, from, to, shape }: Box): string {
  const times = count > 1 ? ` ×${count}` : '';
  return `${label(text)}${times}${shape === 'mark' ? '' : `, ${duration(to - from)}`}`;
}

export const runLabel = ({ definition, id }: FlowRun): string => `${label(definition)} ${label(id.slice(0, 12))}`;

/** How a run stands, in a word or two. */
export const endLabel = ({ status, error, partial, startedAt, at }: FlowRun): string =>
  `${label([status, error, partial === undefined ? undefined : `partial ${partial}`].filter((part) => part !== undefined).join(' '))}, ${duration(at - startedAt)}`;

/** What a picture does not show. */
export function missingOf(
  flow: Flow,
  shown: { readonly runs: number; readonly boxes: number; readonly nodes: number },
): string | undefined {
  const runs = flow.runs.length - shown.runs + (flow.omitted?.runs ?? 0);
  const parts = [
    runs > 0 ? `${runs} more runs` : undefined,
    (flow.omitted?.nodes ?? 0) > 0 ? `${flow.omitted?.nodes} steps past the bounds of the flow` : undefined,
    shown.boxes < shown.nodes ? `${shown.nodes} steps and waits as ${shown.boxes}` : undefined,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(', ');
}
