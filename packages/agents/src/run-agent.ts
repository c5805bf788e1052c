import { deserializeError, PrusikError, type DurableContext } from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import { agentRun } from './agent-run.ts';
import { compactStep } from './compact-step.ts';
import { afterCompaction, afterModel, afterTools, begin, next } from './loop.ts';
import { forTurn } from './for-turn.ts';
import { handBack } from './hand-back.ts';
import { modelStep } from './model-step.ts';
import { finished, readOutput, textOf } from './output.ts';
import { toolRound } from './tool-round.ts';

/** Drives the loop: what to do is decided by pure functions over recorded outcomes, here it is done. */
export async function runAgent(defined: AgentCore, ctx: DurableContext): Promise<unknown> {
  const agent = forTurn(defined, ctx.run.turn);
  const run = agentRun(agent, ctx);
  let state = begin(agent.runLimits);
  try {
    for (;;) {
      const action = next(state, run.elapsedMs());
      switch (action.do) {
        case 'call-model':
          state = afterModel(state, await modelStep(run, state));
          break;
        case 'call-tools':
          state = afterTools(state, await toolRound(run, state, action));
          break;
        case 'compact':
          state = afterCompaction(state, await compactStep(run, state, action));
          break;
        case 'finish':
          return await outputOf(agent, ctx, action.message);
        case 'fail':
          throw deserializeError(action.error);
        default:
          return action satisfies never;
      }
    }
  } catch (error) {
    // The engine sees to the children that run; what waits for its turn must not start any more.
    run.children.close();
    return handBack(run, state.limits, error);
  }
}

/** The output stands in the thread; it was checked when it came, and is read again after a kill between the reply and the end. */
async function outputOf({ output, clock }: AgentCore, ctx: DurableContext, message: string): Promise<unknown> {
  const stored = (await ctx.thread.read()).findLast((one) => one.message.id === message);
  const text = textOf(stored?.message.content ?? []);
  if (output === undefined) return text;
  const read = await readOutput(text, output.schema, clock);
  if (read.ok) return finished(output, read.value);
  throw new PrusikError(
    'AGENT_OUTPUT_INVALID',
    `The output does not fit the schema that the agent has now: ${read.issues}`,
  );
}
