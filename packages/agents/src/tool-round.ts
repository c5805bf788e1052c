import type { AgentRun } from './agent-run.ts';
import { closedWith, due, learned, planned, type CallEvent } from './call-machine.ts';
import type { AfterTools, LoopState } from './loop.ts';
import { callActor, type Round } from './tool-step.ts';

/** Closes every call of a reply. */
export async function toolRound(run: AgentRun, state: LoopState, round: Round): Promise<AfterTools> {
  const isSourced = round.calls.some(({ source }) => source !== undefined);
  const agent = isSourced ? await run.sources.agentWith(state.listings) : run.agent;
  const actor = await callActor({ ...run, agent }, state, round);
  const ended = Promise.withResolvers<number>();
  let calls = planned(round.calls);
  const advance = (event?: CallEvent): void => {
    const now = due(event === undefined ? calls : learned(calls, event), state.limits.parallelTools);
    calls = now.calls;
    for (const action of now.actions) actor.act(action).then(advance, ended.reject);
    const tokens = closedWith(calls);
    if (tokens !== undefined) ended.resolve(tokens);
  };
  advance();
  return { tokens: await ended.promise, sampled: actor.sampled() };
}
