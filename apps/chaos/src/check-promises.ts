import { isDeepStrictEqual } from 'node:util';
import type { RunSummary, Store } from '@prusik/core';
import type { Violation } from '@prusik/testing-contracts';
import { expectedOutput } from './client.ts';
import type { Plan } from './plan.ts';
import { childStepKeys, stepKeys } from './workload.ts';

const TENANT = 'default';

/** What only who knows the plan can tell: every run is there with all its steps, says what it should, and nothing is left to be claimed. */
export async function checkPromises(store: Store, plan: Plan): Promise<readonly Violation[]> {
  const found: Violation[] = [];
  for (const planned of plan.runs) {
    const run = await store.run({ tenant: TENANT, run: planned.id });
    if (run === undefined) {
      found.push({ rule: 'run-missing', run: planned.id, message: 'it was started and is not there' });
      continue;
    }
    if (run.status !== 'completed') {
      found.push({
        rule: 'not-completed',
        run: planned.id,
        message: `it is ${run.status}: ${JSON.stringify(run.error ?? run.blocked ?? null)}`,
      });
      continue;
    }
    found.push(...(await missingSteps(store, run, stepKeys(planned))));
    const expected = expectedOutput(planned);
    if (!isDeepStrictEqual(run.output, expected)) {
      const message = `it says ${JSON.stringify(run.output)} and should say ${JSON.stringify(expected)}`;
      found.push({ rule: 'wrong-output', run: planned.id, message });
    }
    const children = (await store.listRuns({ tenant: TENANT, parent: planned.id, limit: 1_000 })).items;
    if (children.length !== planned.children)
      found.push({
        rule: 'child-count',
        run: planned.id,
        message: `${children.length} children, not ${planned.children}`,
      });
    for (const child of children) found.push(...(await missingSteps(store, child, childStepKeys)));
  }
  return [...found, ...(await leftToClaim(store))];
}

async function missingSteps(
  store: Store,
  { key }: Pick<RunSummary, 'key'>,
  expected: readonly string[],
): Promise<readonly Violation[]> {
  const entries = await store.entries(key, { after: 0, limit: 1_000 });
  const ended = new Set(entries.flatMap((entry) => (entry.type === 'step-end' ? [entry.key] : [])));
  return expected
    .filter((step) => !ended.has(step))
    .map((step) => ({ rule: 'step-missing', run: key.run, message: `${step} has no outcome` }));
}

async function leftToClaim(store: Store): Promise<readonly Violation[]> {
  const definitions = ['work', 'part'].map((name) => ({ name, versions: ['1'] }));
  const query = { worker: 'inspector', leaseMs: 1, limit: 1_000, suspects: { room: 1, alone: 1_000 }, definitions };
  const { claims } = await store.claim(query);
  return claims.map(({ run }) => ({
    rule: 'left-to-claim',
    run: run.key.run,
    message: 'a worker could still take it',
  }));
}
