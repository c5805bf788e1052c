import type { Violation } from '@prusik/testing-contracts';
import { runCampaign, type CampaignOptions } from './campaign.ts';

/** What came of killing one worker at every commit in turn. */
export interface PointsResult {
  readonly seed: number;
  /** Deaths, each in a life of its own. */
  readonly points: number;
  /** Effects beyond the first of their idempotency key, and steps in doubt, over all lives. */
  readonly effectsAgain: number;
  readonly inDoubt: number;
  readonly seconds: number;
  readonly violations: readonly (Violation & { readonly point: string })[];
}

/**
 * Kills the worker by SIGKILL before its k-th commit and, in another life of the same runs, after it, for k = 1, 1 + `every`, … until the work
 * has ended before it could die. Another worker takes up what is left each time, and everything is looked at.
 */
export async function runPoints(options: CampaignOptions, every: number): Promise<PointsResult> {
  const { plan, report } = options;
  const started = performance.now();
  const violations: (Violation & { point: string })[] = [];
  let points = 0;
  let effectsAgain = 0;
  let inDoubt = 0;
  for (const when of ['before', 'after']) {
    for (let k = 1; ; k += every) {
      const point = `${when}-commit:${k}`;
      const result = await runCampaign({
        ...options,
        plan: { ...plan, strikes: [], points: [point] },
        report: () => {},
      });
      violations.push(...result.violations.map((violation) => ({ ...violation, point })));
      effectsAgain += result.effects - result.effectsByKey;
      inDoubt += result.inDoubt;
      if (result.kills === 0) break;
      points += 1;
      report(`${point}: ${result.violations.length === 0 ? 'held' : `${result.violations.length} violations`}\n`);
    }
  }
  const seconds = Math.round((performance.now() - started) / 10) / 100;
  return { seed: plan.options.seed, points, effectsAgain, inDoubt, seconds, violations };
}
