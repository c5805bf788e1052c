import type { DriveParts } from './drive-parts.ts';

/** How often a run is woken because its function awaited something of its own, until a person is asked. */
const MOST_WAKES = 5;
const FIRST_LINGER_MS = 50;
const LONGEST_LINGER_MS = 60_000;

/** How long a drive lingers before it parks: longer after each time that it parked too early. */
export function lingerMs({ core }: DriveParts): number {
  const { parkAfterMs } = core.env.limits;
  const wakes = core.inbox.count('wake');
  if (wakes === 0) return parkAfterMs;
  return Math.min(LONGEST_LINGER_MS, Math.max(parkAfterMs, FIRST_LINGER_MS) * 4 ** Math.min(wakes, MOST_WAKES));
}

/** Whether waking the run again would only park it too early again. */
export function parkedTooOften({ core }: DriveParts): boolean {
  return core.inbox.count('wake') > MOST_WAKES * (1 + core.state.blocks);
}

/**
 * The function went on after its drive was over: it awaited something of its own, which cannot be seen from outside. What it asks for is
 * not lost: if its run sleeps, it is woken, and lingers longer this time.
 */
export function reportLateCall({ core, waits, status }: DriveParts, key: string): void {
  const { env, run } = core;
  const waited = waits.pending();
  const warning = {
    code: 'UNTRACKED_AWAIT',
    message:
      `${run.definition} asked for something after its run was ${status.end ?? 'over'}` +
      `${waited.length > 0 ? `, waiting for ${waited.length} more` : ''}: ` +
      'everything that a durable function awaits must go through its context',
    run: run.key,
    keys: [key, ...waited],
  };
  env.warn(warning);
  if (status.end === 'parked') void wakeAgain().catch((cause: unknown) => env.warn({ ...warning, cause }));

  async function wakeAgain(): Promise<void> {
    const now = await env.store.run(run.key);
    // Somebody has taken it up since: that drive asks for the same key itself.
    if (now?.epoch !== run.epoch || now.status !== 'waiting') return;
    await env.store.signal({ run: run.key, kind: 'wake', key: `epoch ${run.epoch}`, body: { key } });
  }
}
