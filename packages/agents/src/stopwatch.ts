import type { AgentRun } from './agent-run.ts';
import type { LoopState } from './loop.ts';

/**
 * Milliseconds that the run has lasted, counted on from the last delivered outcome while a step is executed. A run whose time nothing limits
 * has no use for them, and its clock is not asked: a model call would do so four times.
 */
export function stopwatch(
  { agent, elapsedMs }: Pick<AgentRun, 'agent' | 'elapsedMs'>,
  { limits }: Pick<LoopState, 'limits'>,
): () => number {
  const before = elapsedMs();
  if (limits.wallMs === Number.POSITIVE_INFINITY) return () => before;
  const { clock } = agent;
  const askedAt = clock.monotonic();
  return () => before + clock.monotonic() - askedAt;
}
