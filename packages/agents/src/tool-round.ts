import type { AgentRun } from './agent-run.ts';
import { closedWith, due, learned, planned, type CallEvent } from './call-machine.ts';
import type { RunLimits } from './loop-types.ts';
import { callActor, type Round } from './tool-step.ts';

/** Closes every call of a reply; resolves to an estimate of the results' tokens. */
export async function toolRound(run: AgentRun, limits: RunLimits, round: Round): Promise<number> {
  const act = await callActor(run, limits, round);
  const ended = Promise.withResolvers<number>();
  let calls = planned(round.calls);
  const advance = (event?: CallEvent): void => {
    const now = due(event === undefined ? calls : learned(calls, event), limits.parallelTools);
    calls = now.calls;
    for (const action of now.actions) act(action).then(advance, ended.reject);
    const tokens = closedWith(calls);
    if (tokens !== undefined) ended.resolve(tokens);
  };
  advance();
  return ended.promise;
}
