import { isPrusikError } from '@prusik/core';
import type { AgentRun } from './agent-run.ts';
import type { RunLimits } from './loop-types.ts';
import { textOf } from './output.ts';

/** Something was used up: more of it, and the same run would have gone on. */
const EXHAUSTED: ReadonlySet<string> = new Set([
  'AGENT_STEP_LIMIT',
  'AGENT_TOKEN_LIMIT',
  'AGENT_COST_LIMIT',
  'AGENT_TIME_LIMIT',
  'BUDGET_EXCEEDED',
  'MODEL_REPLY_TRUNCATED',
  'RUN_DEADLINE',
]);

/**
 * What an agent has to show that can go on no longer: the text that it said last, marked as not whole. Of an agent whose output has a schema a text is
 * no output, and one that has said nothing has nothing to show.
 *
 * @throws what it ended with, where that is no exhaustion, nothing can be shown, or the run is to fail.
 */
export async function handBack(
  { agent, ctx, messageId }: AgentRun,
  limits: RunLimits,
  error: unknown,
): Promise<string> {
  if (limits.whenExhausted !== 'partial' || agent.output !== undefined) throw error;
  if (!isPrusikError(error) || !EXHAUSTED.has(error.code)) throw error;
  // The thread may be a session's, and what stands in it from before is no work of this run.
  const own = messageId('model:');
  const said = (await ctx.thread.read())
    .filter(({ message: { id, kind } }) => kind === 'assistant' && id.startsWith(own))
    .map(({ message }) => textOf(message.content))
    .findLast((text) => text.trim() !== '');
  if (said === undefined) throw error;
  ctx.partial({ code: error.code, message: error.message });
  return said;
}
