import type { CheckResult } from '@prusik/core';
import type { DriveCore } from './drive-core.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import type { StepSpec } from './step-spec.ts';
import type { RecordedValue } from './step-value.ts';
import type { Stop } from './stop.ts';

const CHECK_TIMEOUT_MS = 30_000;

/** What became of a step in doubt. A `check` that throws, hangs or returns nonsense knows nothing. */
export async function checkDoubt(
  core: DriveCore,
  spec: StepSpec,
  stop: Stop,
): Promise<{ readonly became: 'done'; readonly value: RecordedValue } | { readonly became: 'not-run' | 'unknown' }> {
  const { check } = spec.options;
  if (check === undefined) return { became: 'unknown' };
  let timer: Disposable | undefined;
  const tooLong = new Promise<CheckResult>((resolve) => {
    timer = core.env.clock.after(spec.options.timeoutMs ?? CHECK_TIMEOUT_MS, () => resolve({ became: 'unknown' }));
  });
  try {
    const scope = { idempotencyKey: idempotencyKeyOf(core.run.key, spec.key), signal: stop.signal() };
    const found = await Promise.race([Promise.resolve().then(() => check(scope)), tooLong]);
    if (found.became === 'done') return { became: 'done', value: await core.values.record(spec.key, found.value) };
    return found.became === 'not-run' ? { became: 'not-run' } : { became: 'unknown' };
  } catch (cause) {
    const { env, run } = core;
    env.warn({ code: 'CHECK_FAILED', message: 'The check of a step failed', run: run.key, keys: [spec.key], cause });
    return { became: 'unknown' };
  } finally {
    timer?.[Symbol.dispose]();
  }
}
