import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore } from '@prusik/store-sqlite';
import { inspectStore, type Violation } from '@prusik/testing-contracts';
import { createClient } from './client.ts';
import { startCrew } from './crew.ts';
import { checkPromises } from './check-promises.ts';
import type { Plan } from './plan.ts';
import type { Sabotage } from './sabotage.ts';

export interface CampaignOptions {
  readonly plan: Plan;
  readonly leaseMs: number;
  readonly synchronous: 'full' | 'normal';
  /** How long the runs may take in all. */
  readonly timeoutMs: number;
  readonly sabotage?: Sabotage;
  /** Leaves the file where it is. */
  readonly keep: boolean;
  readonly execArgv: readonly string[];
  readonly report: (text: string) => void;
  readonly signal: AbortSignal;
}

/** What came of it: the numbers that must fit the plan, and what does not. */
export interface CampaignResult {
  readonly seed: number;
  readonly runs: number;
  readonly completed: number;
  /** Outcomes of steps in the journals, children's too, and how many different steps they are of. */
  readonly steps: number;
  readonly uniqueSteps: number;
  readonly duplicateCommits: number;
  readonly lostSteps: number;
  readonly effects: number;
  readonly effectsByKey: number;
  readonly inDoubt: number;
  readonly terminalsPerRunMax: number;
  readonly orphanProcesses: number;
  readonly orphanLeases: number;
  readonly kills: number;
  readonly pauses: number;
  readonly seconds: number;
  readonly violations: readonly Violation[];
}

/** Runs the plan on a file of its own. Rejects with the signal's reason when it was interrupted; nothing is left then either. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { plan, leaseMs, synchronous, sabotage, execArgv, report, signal } = options;
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'chaos-'));
  const path = join(folder, 'runs.db');
  const store = sqliteStore({ path, synchronous, pollMs: 20 });
  const client = createClient(store, plan);
  const crew = startCrew({
    plan,
    path,
    leaseMs,
    synchronous,
    ...(sabotage === undefined ? {} : { sabotage }),
    execArgv,
    report,
  });
  try {
    const patience = AbortSignal.timeout(options.timeoutMs);
    const timedOut = await client
      .serve(AbortSignal.any([signal, patience]), progress(report, plan.runs.length))
      .then(() => false)
      .catch((error: unknown) => {
        if (signal.aborted || !patience.aborted) throw error;
        return true;
      });
    // A paused worker that is stopped before it wakes could not show that it writes nothing.
    await crew.awake();
    signal.throwIfAborted();
    const orphans = (await crew.stop()) + processesOf(folder).length;
    const inspection = await inspectStore(store, { lines: crew.lines });
    const violations: readonly Violation[] = [
      ...inspection.violations,
      ...(await checkPromises(store, plan)),
      ...crew.failures.map((message) => ({ rule: 'worker-failed', run: '', message })),
      ...client.contradictions.map((message) => ({ rule: 'outside-twice', run: '', message })),
      ...(orphans > 0 ? [{ rule: 'process-left', run: '', message: `${orphans} workers did not end` }] : []),
      ...(timedOut ? [{ rule: 'timeout', run: '', message: `not done within ${options.timeoutMs} ms` }] : []),
    ];
    const planned = new Set(plan.runs.map(({ id }) => id));
    const { items } = await store.listRuns({ tenant: 'default', definition: ['work'], limit: 1_000 });
    return {
      seed: plan.options.seed,
      runs: items.filter(({ key }) => planned.has(key.run)).length,
      completed: items.filter(({ status }) => status === 'completed').length,
      steps: inspection.steps,
      uniqueSteps: inspection.uniqueSteps,
      duplicateCommits: inspection.duplicateCommits,
      lostSteps: inspection.lostSteps + violations.filter(({ rule }) => rule === 'step-missing').length,
      effects: inspection.effects,
      effectsByKey: inspection.effectsByKey,
      inDoubt: inspection.inDoubt,
      terminalsPerRunMax: inspection.terminalsPerRunMax,
      orphanProcesses: orphans,
      orphanLeases: inspection.orphanLeases,
      kills: crew.kills,
      pauses: crew.pauses,
      seconds: Math.round((performance.now() - started) / 10) / 100,
      violations,
    };
  } finally {
    await crew[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    if (options.keep) report(`The file is ${path}\n`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

function progress(report: (text: string) => void, runs: number): (ended: number) => void {
  let told = 0;
  return (ended) => {
    if (ended === told) return;
    told = ended;
    report(`${ended} of ${runs} runs have ended\n`);
  };
}

/** Every process that has this campaign's folder among its arguments; only Linux says. */
function processesOf(folder: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names.filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false; // it ended meanwhile
    }
  });
}
