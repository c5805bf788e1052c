import { DELEGATION_DEFAULTS, narrowerBudget, type Budget } from '@prusik/core';
import {
  childrenOfWork,
  nodesOf,
  type CallWork,
  type GroupWork,
  type ModelWork,
  type NodeSpec,
  type TreeSpec,
  type Work,
} from './tree-spec.ts';

/** What may become of a node, seen from outside: more than one thing where a cancel, a time or a budget may come first. */
export interface Expectation {
  /** `completed`, `partial`, `cancelled`, or the code that it fails with. */
  readonly ends: ReadonlySet<string>;
  /** What its function may be told of each thing that it does, by key. */
  readonly hears: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What the model says of what is around a node. */
interface Around {
  readonly levels: number;
  readonly depth: number;
  /** Limits on the way up, with all that may be spent below their holder. */
  readonly ledgers: readonly { readonly limits: Budget; readonly most: Required<Budget> }[];
  /** It, or one above it, has a time. */
  readonly timed: boolean;
}

/** What its function hears of a call that starts nothing. */
export const NOT_STARTED: RegExp =
  /^(DELEGATION_REFUSED|CALL_ABORTED|BUDGET_EXCEEDED$|not needed|another was first|a sibling failed)/;

const ENGINE_DEPTH = 16;
const OF_THE_CALL = ['CALL_ABORTED', 'CHILD_CANCELLED', 'CHILD_RESULT_TOO_LARGE', 'DELEGATION_REFUSED'];

/**
 * The whole of what delegation promises, without an engine: who may end how. Nothing here knows an order of events, so it says what is possible in any; where nothing
 * disturbs a tree, that is one thing for each node.
 */
export function expectationsOf(tree: TreeSpec): ReadonlyMap<string, Expectation> {
  const found = new Map<
    string,
    { readonly node: NodeSpec; readonly ends: Set<string>; readonly hears: Map<string, Set<string>> }
  >();
  const cancelled = new Set(tree.acts.flatMap((act) => (act.act === 'cancel' ? [act.node] : [])));
  /** Executions of one step at most: each process that is lost may lose one. */
  const times = 1 + tree.acts.filter(({ act }) => act !== 'cancel' && act !== 'join').length;

  /** What the node ends with, as far as its own function, its time and those who cancel it alone decide. */
  function visit(node: NodeSpec, around: Around, isStopped: boolean): ReadonlySet<string> {
    const ends = new Set<string>();
    const hears = new Map<string, Set<string>>();
    found.set(node.name, { node, ends, hears });
    const own = ledgerOf(node);
    const ledgers =
      own === undefined ? around.ledgers : [...around.ledgers, { limits: own, most: mostBelow(node, times) }];
    const timed = around.timed || node.timeoutMs !== undefined;
    if (timed) ends.add('RUN_DEADLINE');
    if (timed && node.answers) ends.add('completed');
    if (isStopped || cancelled.has(node.name)) ends.add('cancelled');

    let attempted = 0;
    let accepted = 0;
    const openBefore = new Set<string>();
    let goesOn = true;
    for (const [index, work] of node.works.entries()) {
      const [ok, failures] = outcomesOf(work, String(index));
      if (!work.caught) for (const code of failures) ends.add(code);
      if (!ok && !work.caught) {
        goesOn = false;
        break;
      }
      if (work.does === 'wait') {
        goesOn = false;
        break;
      }
    }
    if (goesOn) ends.add(node.end === 'throws' ? 'NODE_BROKE' : node.end === 'in part' ? 'partial' : 'completed');
    return ends;

    function outcomesOf(work: Work, key: string): readonly [ok: boolean, failures: ReadonlySet<string>] {
      if (work.does === 'model' || work.does === 'step') {
        const words = stepWords(work);
        hears.set(key, words);
        if ('dropped' in work) return [true, new Set()];
        return [words.has('ok'), without(words, 'ok')];
      }
      if (work.does === 'sleep' || work.does === 'ask') hears.set(key, new Set(['ok']));
      if (work.does !== 'call' && !('children' in work)) return [true, new Set()];
      const words = childrenOfWork(work).map((child, index) => callWords(work, child, index));
      if ('children' in work) {
        for (const child of work.children) openBefore.add(child.name);
      } else if (work.how !== 'awaits') openBefore.add(work.child.name);
      if (work.does === 'settle' || (work.does === 'call' && work.how !== 'awaits')) return [true, new Set()];
      const isFine = (some: ReadonlySet<string>): boolean => some.has('ok') || some.has('partial');
      const failures = new Set(words.flatMap((some) => [...without(some, 'ok', 'partial')]));
      return [work.does === 'race' ? words.some(isFine) : words.every(isFine), failures];
    }

    function stepWords(work: Extract<Work, { does: 'model' | 'step' }>): Set<string> {
      const words = new Set([work.fails ? 'STEP_BROKE' : 'ok']);
      if (work.does === 'step') {
        if (work.effect === 'once' && times > 1) words.add('STEP_IN_DOUBT');
        return words;
      }
      const limited = new Set(ledgers.flatMap(({ limits }) => Object.keys(limits)).filter((name) => name !== 'runs'));
      if (limited.size === 0) return words;
      if ([...limited].some((name) => work.reserve?.[name as 'tokens'] === undefined))
        return new Set(['BUDGET_NOT_RESERVED']);
      const isTooMuch = ({ limits }: { readonly limits: Budget }): boolean =>
        (['calls', 'tokens'] as const).some((name) => (work.reserve?.[name] ?? 0) > (limits[name] ?? Infinity));
      if (ledgers.some(isTooMuch)) return new Set(['BUDGET_EXCEEDED']);
      const mayBeShort = ({ limits, most }: Around['ledgers'][number]): boolean =>
        (['calls', 'tokens'] as const).some((name) => most[name] > (limits[name] ?? Infinity));
      if (ledgers.some(mayBeShort)) words.add('BUDGET_EXCEEDED');
      return words;
    }

    function callWords(work: CallWork | GroupWork, child: NodeSpec, place: number): Set<string> {
      const words = new Set<string>();
      hears.set(child.name, words);
      const { policy } = node;
      const isWorkflow = node.kind === 'workflow';
      const refuse = (reason: string): void => void words.add(`DELEGATION_REFUSED:${reason}`);
      const mayAbort = (work.does === 'call' && work.aborts !== undefined) || work.does === 'race' || 'stops' in work;
      if (mayAbort) {
        const word = work.does === 'call' ? 'not needed' : 'another was first';
        words.add(isWorkflow ? 'CALL_ABORTED' : word);
      }
      const before = { attempted, accepted };
      attempted += 1;
      const {
        calls = DELEGATION_DEFAULTS.calls,
        parallel = DELEGATION_DEFAULTS.parallel,
        depth = DELEGATION_DEFAULTS.depth,
      } = policy ?? {};
      const levels = Math.min(around.levels, ENGINE_DEPTH - around.depth);
      let isSurelyRefused = true;
      if (isWorkflow && policy === undefined) refuse('delegation_disabled');
      else if (levels <= 0 || (isWorkflow && depth <= 0)) refuse('max_depth');
      else if (isWorkflow && before.accepted >= calls) refuse('max_calls');
      else {
        isSurelyRefused = false;
        const lackOfRuns = ledgers.some(({ limits, most }) => most.runs > (limits.runs ?? Infinity));
        if (isWorkflow && before.attempted >= calls) refuse('max_calls');
        if (lackOfRuns && isWorkflow) refuse('max_calls');
        if (lackOfRuns && !isWorkflow) words.add('BUDGET_EXCEEDED');
        const beside = openBefore.size + ('children' in work ? place : 0);
        if (policy?.whenFull === 'refuse' && beside >= parallel) refuse('max_parallel');
        if (policy?.wallMs !== undefined) refuse('deadline');
        // Of those in lanes the last ones may not be called at all.
        if (words.size === 0 && !('lanes' in work)) accepted += 1;
      }
      const given = isWorkflow ? Math.min(depth - 1, child.levels ?? Infinity) : (child.levels ?? Infinity);
      const itsEnds = visit(
        child,
        {
          levels: Math.min(around.levels - 1, given),
          depth: around.depth + 1,
          ledgers,
          timed: timed || policy?.wallMs !== undefined,
        },
        mayAbort,
      );
      if (!isSurelyRefused) for (const end of itsEnds) words.add(heardOf(end, child));
      return words;
    }
  }

  visit(tree.root, { levels: Infinity, depth: 0, ledgers: [], timed: false }, false);
  // Whoever is called and still runs when its caller fails, is cancelled or out of time, is cancelled.
  for (const { node, ends } of found.values()) {
    const fails = [...ends].some((end) => end !== 'completed' && end !== 'partial');
    // One with an answer has had its time, and its children with it.
    const isOver = ends.has('cancelled') || ends.has('RUN_DEADLINE');
    for (const work of node.works) {
      if (work.does === 'call' && work.how === 'leaves') continue;
      const isAwaited = work.does === 'call' && work.how === 'awaits';
      if (isAwaited ? isOver : fails)
        for (const child of childrenOfWork(work)) found.get(child.name)?.ends.add('cancelled');
    }
  }
  return found;
}

const without = (words: ReadonlySet<string>, ...some: readonly string[]): ReadonlySet<string> =>
  new Set([...words].filter((word) => !some.includes(word)));

/** What a caller is told of a child that ended so. */
function heardOf(end: string, { end: how }: NodeSpec): string {
  if (end === 'completed') return how === 'talks' ? 'CHILD_RESULT_TOO_LARGE' : 'ok';
  if (end === 'partial') return 'partial';
  if (end === 'cancelled') return 'CHILD_CANCELLED';
  const code = OF_THE_CALL.find((of) => end === of || end.startsWith(`${of}:`));
  return code === undefined ? end : `CHILD_FAILED:${code}`;
}

/** The limits of the ledger that a run of the node has. */
export function ledgerOf({ kind, budget, policy }: NodeSpec): Budget | undefined {
  if (kind === 'function' || policy === undefined) return budget;
  const { tokens, depth = DELEGATION_DEFAULTS.depth, calls = DELEGATION_DEFAULTS.calls } = policy;
  const declared = { ...(tokens === undefined ? {} : { tokens }), ...(depth > 1 ? { runs: calls } : {}) };
  return narrowerBudget(budget, Object.keys(declared).length === 0 ? undefined : declared);
}

/** What all below may use, if every process that is lost loses every call once. */
function mostBelow(node: NodeSpec, times: number): Required<Budget> {
  const models = nodesOf(node).flatMap(({ works }) => works.filter((work): work is ModelWork => work.does === 'model'));
  const tokens = models.reduce((sum, { uses, reserve }) => sum + Math.max(uses, reserve?.tokens ?? 0), 0);
  return { tokens: times * tokens, calls: times * models.length, costMicros: 0, runs: nodesOf(node).length - 1 };
}
