import { fileURLToPath } from 'node:url';
import { runKeyText } from '@prusik/core';
import { processGroup, type CrashProcess, type EffectLine } from '@prusik/testing-contracts';
import type { Plan, Strike } from './plan.ts';
import type { WorkerOptions } from './worker.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
const GRACE_MS = 15_000;

export interface CrewOptions extends Omit<WorkerOptions, 'point'> {
  readonly plan: Plan;
  readonly path: string;
  readonly execArgv: readonly string[];
  readonly report: (text: string) => void;
}

/** The worker processes: struck as the plan says, and started again when they were killed. */
export interface Crew extends AsyncDisposable {
  /** Effects and acknowledgements in the order of their arrival. */
  readonly lines: readonly EffectLine[];
  readonly kills: number;
  readonly pauses: number;
  /** Workers that ended by themselves, with what they said. */
  readonly failures: readonly string[];
  /** Resolves when every worker that is paused now was resumed and had time to try what it was about to do. */
  awake(): Promise<void>;
  /** Sends SIGTERM to all and says how many had to be killed because they did not end. */
  stop(): Promise<number>;
}

export function startCrew({ plan, path, execArgv, report, ...options }: CrewOptions): Crew {
  const group = processGroup();
  const lines: EffectLine[] = [];
  const failures: string[] = [];
  const strikes: Strike[] = [...plan.strikes];
  const points: string[] = [...plan.points];
  const timers = new Set<NodeJS.Timeout>();
  const naps = new Set<Promise<void>>();
  /** Steps that each worker has acted for and got no answer about. */
  const begun = new Map<CrashProcess, Set<string>>();
  const asleep = new Map<CrashProcess, { readonly until: Strike['wake']; readonly wake: () => void }>();
  let effects = 0;
  let kills = 0;
  let pauses = 0;
  let started = 0;
  let stopping = false;

  function later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  }

  function startWorker(): void {
    if (stopping) return;
    started += 1;
    const point = points.shift();
    let killed = false;
    const name = `worker ${started}`;
    const given: WorkerOptions = { ...options, ...(point === undefined ? {} : { point }) };
    const worker = group.start({
      name,
      script: WORKER,
      args: [path, JSON.stringify(given)],
      execArgv,
      onLine(line) {
        lines.push(line);
        follow(worker, line);
        if (line.type === 'effect' && !stopping) strikeAt(line.effect, worker, () => (killed = true));
      },
    });
    void worker.ended.then(({ code, signal }) => {
      if (stopping) {
        // One that was still loading has no handler yet.
        if (code !== 0 && signal !== 'SIGTERM' && !killed)
          failures.push(`${name} ended with ${code ?? signal}:\n${worker.output}`);
        return;
      }
      // Nobody struck it, so it died at its own point.
      if (signal === 'SIGKILL' && !killed) {
        kills += 1;
        report(`${name} killed itself at ${point}\n`);
      } else if (signal !== 'SIGKILL') {
        failures.push(`${name} ended with ${code ?? signal}:\n${worker.output}`);
      }
      // A point that was not reached is for the next.
      if (killed && point !== undefined) points.unshift(point);
      startWorker();
    });
  }

  /** Keeps count of what the worker is in the middle of, and wakes whoever was paused in the middle of the same. */
  function follow(worker: CrashProcess, line: EffectLine): void {
    const mine = begun.get(worker) ?? new Set();
    begun.set(worker, mine);
    const step = `${runKeyText(line.run)} ${line.type === 'effect' ? line.step : line.key}`;
    const happened = line.type === 'effect' ? 'takeover' : 'overtaken';
    for (const [other, { until, wake }] of asleep)
      if (until === happened && other !== worker && begun.get(other)?.has(step)) wake();
    if (line.type === 'effect') mine.add(step);
    else mine.delete(step);
  }

  function strikeAt(effect: string, worker: CrashProcess, onKill: () => void): void {
    effects += 1;
    // Somebody has to be awake to take over what a paused worker holds.
    const mayPause = naps.size < Math.max(1, Math.floor(plan.options.workers / 2));
    const index = strikes.findIndex(
      ({ what, at, on }) => at <= effects && (on === 'any' || on === effect) && (what === 'kill' || mayPause),
    );
    const strike = strikes[index];
    if (strike === undefined || worker.state !== 'running') return;
    strikes.splice(index, 1);
    if (strike.what === 'pause') return pause(worker, strike, effect);
    const kill = (): void => {
      if (worker.state === 'ended') return;
      onKill();
      kills += 1;
      report(`${worker.name} killed ${strike.afterMs} ms after effect ${effects} (${effect})\n`);
      worker.kill();
    };
    if (strike.afterMs === 0) kill();
    else later(strike.afterMs, kill);
  }

  function pause(worker: CrashProcess, { wake, leases }: Strike, effect: string): void {
    const since = performance.now();
    const at = effects;
    pauses += 1;
    worker.pause();
    const { promise: nap, resolve } = Promise.withResolvers<void>();
    naps.add(nap);
    const resume = (why: string): void => {
      if (!naps.delete(nap)) return;
      asleep.delete(worker);
      worker.resume();
      report(
        `${worker.name} paused at effect ${at} (${effect}), resumed at ${effects}: ${why} (${Math.round(performance.now() - since)} ms)\n`,
      );
      resolve();
    };
    asleep.set(worker, { until: wake, wake: () => resume(wake) });
    later(leases * options.leaseMs, () => resume('late'));
  }

  for (let n = 0; n < plan.options.workers; n += 1) startWorker();
  return {
    lines,
    failures,
    get kills() {
      return kills;
    },
    get pauses() {
      return pauses;
    },
    async awake() {
      if (naps.size === 0) return;
      await Promise.all(naps);
      await new Promise((resolve) => later(options.leaseMs, () => resolve(undefined)));
    },
    async stop() {
      stopping = true;
      for (const timer of timers) clearTimeout(timer);
      const left = group.alive;
      for (const worker of left) worker.terminate();
      let grace: NodeJS.Timeout | undefined;
      const tooLong = new Promise<void>((resolve) => (grace = setTimeout(resolve, GRACE_MS)));
      await Promise.race([Promise.all(left.map(({ ended }) => ended)), tooLong]);
      clearTimeout(grace);
      const orphans = group.alive.length;
      await group[Symbol.asyncDispose]();
      return orphans;
    },
    async [Symbol.asyncDispose]() {
      stopping = true;
      for (const timer of timers) clearTimeout(timer);
      await group[Symbol.asyncDispose]();
    },
  };
}
