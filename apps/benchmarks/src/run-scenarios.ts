import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from './measure.ts';
import type { Bench, Scenario } from './scenario.ts';

export interface RunOptions extends Omit<Bench, 'newPath'> {
  readonly onStart?: (scenario: Scenario) => void;
  readonly onEnd?: (scenario: Scenario, results: readonly Result[], seconds: number) => void;
}

/** One after the other, each in a folder of its own, which is gone afterwards whatever happened. */
export async function runScenarios(scenarios: readonly Scenario[], options: RunOptions): Promise<readonly Result[]> {
  const { onStart, onEnd, ...bench } = options;
  const all: Result[] = [];
  for (const scenario of scenarios) {
    onStart?.(scenario);
    const started = performance.now();
    const folder = await mkdtemp(join(tmpdir(), 'prusik-bench-'));
    let files = 0;
    const newPath = (): string => join(folder, `${(files += 1)}.db`);
    try {
      const results = await scenario.run({ ...bench, newPath });
      all.push(...results);
      onEnd?.(scenario, results, (performance.now() - started) / 1_000);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return all;
}
