import { DELEGATION_DEFAULTS, type DelegationPolicy } from '@prusik/core';
import { seededRandom, type SeededRandom } from '@prusik/testing-contracts';
import {
  nodesOf,
  childrenOfNode,
  type ModelWork,
  type NodeSpec,
  type OutsideAct,
  type TreeSpec,
  type Work,
} from './tree-spec.ts';

const MOST_NODES = 9;
const LEVELS = 4;

/** What is common to all nodes of one tree, so that some trees are calm in one respect and wild in another. */
interface Mood {
  readonly random: SeededRandom;
  readonly tight: boolean;
  readonly timed: boolean;
  readonly left: { nodes: number };
}

/** The tree of a seed. */
export function randomTree(seed: number): TreeSpec {
  const random = seededRandom(seed);
  const chance = (of: number): boolean => random.next() < of;
  const mood = { random, tight: chance(0.4), timed: chance(0.3), left: { nodes: random.int(0, MOST_NODES - 1) } };
  const root = randomNode(mood, 'n', { levels: LEVELS, ends: false });
  const names = nodesOf(root).map(({ name }) => name) as [string, ...string[]];
  const acts = Array.from({ length: chance(0.3) ? 0 : random.int(1, 4) }, () => randomAct(random, names));
  return {
    root: withLimits(mood, root),
    // Leases that run out are only lost where somebody is there to take them.
    acts: acts.some(({ act }) => act === 'lapse') ? [{ act: 'join', at: { commit: 1 } }, ...acts] : acts,
    parkAfterMs: chance(0.6) ? 0 : 8_000,
    turns: chance(0.5) ? { to: 0, back: 0 } : { to: random.int(0, 2), back: random.int(0, 2) },
    tickMs: random.int(1, 4) * 1_000,
  };
}

/** `ends`: its caller surely cancels it, so that it need not end by itself. */
function randomNode(mood: Mood, name: string, place: { readonly levels: number; readonly ends: boolean }): NodeSpec {
  const { random, timed } = mood;
  const chance = (of: number): boolean => random.next() < of;
  const end = random.pick<NodeSpec['end']>(['returns', 'returns', 'returns', 'throws', 'throws', 'talks', 'in part']);
  const kind = chance(0.6) ? 'workflow' : 'function';
  const timeoutMs = timed && chance(0.3) ? random.int(1, 40) * 1_000 : undefined;
  const works: Work[] = [];
  let children = 0;
  const child = (ends: boolean): NodeSpec => {
    mood.left.nodes -= 1;
    children += 1;
    return randomNode(mood, `${name}-${children}`, { levels: place.levels - 1, ends });
  };
  const count = random.int(name === 'n' ? 1 : 0, 4);
  for (let index = 0; index < count; index += 1) {
    const calls = place.levels > 1 && mood.left.nodes > 0 && chance(0.6);
    const work = calls ? randomCall(mood, kind, child, end === 'throws') : randomWork(mood);
    works.push(chance(0.7) ? { ...work, caught: true } : work);
  }
  if ((place.ends || timeoutMs !== undefined) && chance(0.5)) works.push({ does: 'wait' });
  return {
    name,
    kind,
    works,
    end,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(timed && end !== 'talks' && chance(0.3) ? { answers: true } : {}),
    ...(chance(0.1) ? { levels: random.int(0, 2) } : {}),
  };
}

function randomCall(
  { random, left }: Mood,
  kind: NodeSpec['kind'],
  child: (ends: boolean) => NodeSpec,
  parentThrows: boolean,
): Work {
  const does = random.pick(['call', 'call', 'call', 'all', 'settle', 'race'] as const);
  if (does === 'call') {
    const how = random.pick(['awaits', 'awaits', 'drops', 'drops', 'leaves'] as const);
    const aborts =
      how === 'awaits' || random.next() < 0.7 ? undefined : random.pick(['now', 'later', 'later'] as const);
    const surely = how === 'drops' && (parentThrows || aborts !== undefined);
    return { does, child: child(surely), how, ...(aborts === undefined ? {} : { aborts }) };
  }
  const size = Math.min(Math.max(1, left.nodes), random.int(1, 4));
  // The last one ends by itself, so that a race has a winner.
  const children = Array.from({ length: size }, (_, index) => child(does === 'race' && index < size - 1));
  const lanes = kind === 'workflow' && does === 'all' && random.next() < 0.5 ? random.int(1, 3) : undefined;
  return { does, children, ...(lanes === undefined ? {} : { lanes, ...(random.next() < 0.5 ? { stops: true } : {}) }) };
}

function randomWork({ random }: Mood): Work {
  const chance = (of: number): boolean => random.next() < of;
  const takesMs = chance(0.5) ? 0 : random.int(1, 12) * 1_000;
  const fails = chance(0.15) ? ({ fails: true } as const) : {};
  switch (random.pick(['model', 'model', 'model', 'step', 'sleep', 'ask'] as const)) {
    case 'model':
      return randomModel(random, takesMs, fails);
    case 'step':
      return { does: 'step', effect: random.pick(['repeatable', 'keyed', 'once']), takesMs, ...fails };
    case 'sleep':
      return { does: 'sleep', ms: random.int(1, 20) * 500 };
    case 'ask':
      return { does: 'ask', ...(chance(0.5) ? { dropped: true } : {}) };
  }
}

function randomModel(random: SeededRandom, takesMs: number, fails: { readonly fails?: true }): ModelWork {
  const chance = (of: number): boolean => random.next() < of;
  const tokens = random.int(1, 10) * 10;
  return {
    does: 'model',
    takesMs,
    ...fails,
    // Some use more than they said.
    uses: chance(0.1) ? tokens + 5 : random.int(1, tokens),
    tells: chance(0.7),
    ...(chance(0.95) ? { reserve: { calls: 1, ...(chance(0.95) ? { tokens } : {}) } } : {}),
    ...(chance(0.2) ? { dropped: true } : {}),
  };
}

/** Policies and budgets, from the root down: a part never says more than what it is a part of. */
function withLimits(mood: Mood, node: NodeSpec, above: DelegationPolicy = {}): NodeSpec {
  const { random, tight, timed } = mood;
  const chance = (of: number): boolean => random.next() < of;
  const below = nodesOf(node).length - 1;
  let policy: DelegationPolicy | undefined;
  if (node.kind === 'workflow') {
    const least = (of: number, most = Infinity): number => Math.min(of, most);
    const calls = tight && chance(0.4) ? random.int(0, below) : below + random.int(0, 3);
    const tokens = tight && chance(0.4) ? random.int(1, 25) * 10 : undefined;
    const wallMs = timed && chance(0.2) ? random.int(5, 60) * 1_000 : undefined;
    policy = {
      calls: least(calls, above.calls ?? DELEGATION_DEFAULTS.calls),
      // One that does not end by itself must not keep others waiting for its place.
      parallel: childrenOfNode(node).some(({ works }) => works.some(({ does }) => does === 'wait'))
        ? MOST_NODES
        : random.int(1, 4),
      depth: Math.max(1, levelsBelow(node)),
      ...(tokens === undefined ? {} : { tokens: least(tokens, above.tokens) }),
      ...(wallMs === undefined ? {} : { wallMs: least(wallMs, above.wallMs) }),
      ...(chance(0.15) ? { whenFull: 'refuse' } : {}),
    };
    if (chance(0.03)) policy = undefined;
  }
  const inherited = policy === undefined ? above : { ...above, ...policy };
  const part = (child: NodeSpec): NodeSpec => withLimits(mood, child, inherited);
  const budget = randomBudget(mood, node.name === 'n', below);
  return {
    ...node,
    ...(policy === undefined ? {} : { policy }),
    ...(budget === undefined ? {} : { budget }),
    works: node.works.map((work) =>
      work.does === 'call'
        ? { ...work, child: part(work.child) }
        : 'children' in work
          ? { ...work, children: work.children.map(part) }
          : work,
    ),
  };
}

function randomBudget({ random, tight }: Mood, isRoot: boolean, below: number): NodeSpec['budget'] {
  const chance = (of: number): boolean => random.next() < of;
  if (!chance(isRoot ? 0.8 : 0.3)) return undefined;
  if (!tight) return { tokens: 100_000, ...(chance(0.5) ? { calls: 1_000 } : {}) };
  const budget = {
    ...(chance(0.7) ? { tokens: random.int(2, 30) * 10 } : {}),
    ...(chance(0.3) ? { calls: random.int(0, 6) } : {}),
    ...(chance(0.2) ? { runs: random.int(0, below + 1) } : {}),
  };
  return Object.keys(budget).length === 0 ? { tokens: 100 } : budget;
}

/** Through workflows alone: what a function calls is not known when it is defined. */
function levelsBelow(node: NodeSpec): number {
  if (node.kind === 'function') return 0;
  return Math.max(0, ...childrenOfNode(node).map((child) => 1 + levelsBelow(child)));
}

function randomAct(random: SeededRandom, names: readonly [string, ...string[]]): OutsideAct {
  const act = random.pick(['cancel', 'cancel', 'die', 'die', 'die', 'join', 'relieve', 'lapse'] as const);
  const commit = { at: { commit: random.int(1, 12 * names.length) } };
  const at = act !== 'die' && random.next() < 0.4 ? { at: { quiet: random.int(1, 12) } } : commit;
  if (act === 'cancel') return { ...at, act, node: random.pick(names) };
  if (act === 'die') return { ...commit, act, when: random.pick(['before', 'after']) };
  return { ...at, act };
}
