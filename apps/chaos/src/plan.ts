import { seededRandom, type SeededRandom } from '@prusik/testing-contracts';

export interface PlanOptions {
  readonly seed: number;
  readonly runs: number;
  /** Steps of each run, its children's not counted. */
  readonly steps: number;
  readonly workers: number;
  readonly kills: number;
  readonly pauses: number;
}

/** What one run is made of, besides its steps. */
export interface RunPlan {
  readonly id: string;
  readonly steps: number;
  /** Steps two at a time. */
  readonly parallel: boolean;
  /** How long the body of a step takes after its effect. */
  readonly paceMs: number;
  readonly napMs: number | null;
  /** Whether a signal comes before anybody waits for it, or long after. */
  readonly signal: 'early' | 'late' | null;
  readonly children: number;
  readonly approval: boolean;
  readonly session: string | null;
  /** Starts it twice at once, as a client that retries does. */
  readonly startTwice: boolean;
}

/**
 * Something that is done to a worker. `at`: when so many effects were told, the worker that tells the next one of kind `on` is the victim: a
 * number of effects is the same moment of the work on a fast machine and on a slow one.
 */
export interface Strike {
  readonly what: 'kill' | 'pause';
  readonly at: number;
  readonly on: 'any' | 'repeatable' | 'keyed' | 'once';
  readonly afterMs: number;
  /**
   * When a paused worker is resumed: the moment another one does a step that it was in the middle of, the moment another has recorded
   * it, or late. Two at one step is what the fence is for.
   */
  readonly wake: 'takeover' | 'overtaken' | 'late';
  /** Resumed after so many lease lengths at the latest. */
  readonly leases: number;
}

export interface Plan {
  readonly options: PlanOptions;
  readonly runs: readonly RunPlan[];
  readonly strikes: readonly Strike[];
  /** Points of its own life at which a worker kills itself; each start of a worker takes one until none is left. */
  readonly points: readonly string[];
}

/** The same seed and options give the same plan, on every machine. */
export function makePlan(options: PlanOptions): Plan {
  const random = seededRandom(options.seed);
  const runs = Array.from({ length: options.runs }, (_, n) => runPlan(random, n, options));
  // The last fifth is left in peace: what has been struck late must still be seen to recover.
  const last = Math.max(1, Math.floor(options.runs * options.steps * 0.8));
  const atPoints = Math.floor(options.kills / 3);
  const strikes = [
    ...Array.from({ length: options.kills - atPoints }, () => strike(random, 'kill', last)),
    ...Array.from({ length: options.pauses }, () => strike(random, 'pause', last)),
  ].toSorted((a, b) => a.at - b.at);
  const points = Array.from({ length: atPoints }, () => point(random));
  return { options, runs, strikes, points };
}

function runPlan(random: SeededRandom, n: number, { steps }: PlanOptions): RunPlan {
  return {
    id: `run-${n}`,
    steps,
    parallel: random.next() < 0.3,
    paceMs: random.int(2, 20),
    napMs: random.next() < 0.3 ? random.int(1, 200) : null,
    signal: random.pick([null, null, 'early', 'late']),
    children: random.pick([0, 0, 0, 1, 2]),
    approval: random.next() < 0.2,
    session: random.next() < 0.3 ? `session-${random.int(1, 4)}` : null,
    startTwice: random.next() < 0.2,
  };
}

const EFFECTS: readonly [Strike['on'], ...Strike['on'][]] = ['any', 'repeatable', 'keyed', 'once'];

function strike(random: SeededRandom, what: Strike['what'], last: number): Strike {
  const wake = random.pick<Strike['wake']>(['takeover', 'takeover', 'overtaken', 'overtaken', 'late']);
  return {
    what,
    at: random.int(1, last),
    // Nobody does a `once` step again, so nobody would wake who was paused in the middle of one.
    on: what === 'pause' && wake !== 'late' ? random.pick<Strike['on']>(['repeatable', 'keyed']) : random.pick(EFFECTS),
    // A body takes up to 20 ms: at once, within it, at its commit, and between two steps.
    afterMs: what === 'pause' ? 0 : random.pick([0, 0, 2, 8, 20, 30]),
    wake,
    leases: wake === 'late' ? random.pick([1.5, 2, 3]) : 4,
  };
}

function point(random: SeededRandom): string {
  const nth = random.int(1, 30);
  return random.pick([
    `before-commit:${nth}`,
    `after-commit:${nth}`,
    `after-commit:${nth}`,
    `after-claim:${random.int(1, 6)}`,
  ]);
}
