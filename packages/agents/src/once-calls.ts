import type { UpcomingStep } from '@prusik/core';
import { toolOf, type AgentCore } from './agent-core.ts';
import { due, planned } from './call-machine.ts';
import type { PlannedCall } from './loop-types.ts';

/** Key of the step that executes a call for the first time. */
export const callKey = (step: number, callId: string): string => `tool:${step}:${callId}`;

/** The calls of a reply that are executed at once and may happen once: with these the round begins. */
export function onceCallsOf(
  agent: Pick<AgentCore, 'tools'>,
  step: number,
  calls: readonly PlannedCall[],
  atOnce: number,
): readonly UpcomingStep[] {
  return due(planned(calls), atOnce).actions.flatMap(({ do: does, call }) =>
    does === 'execute' && toolOf(agent, call)?.effect === 'once'
      ? [{ key: callKey(step, call.callId), kind: 'tool' as const, name: call.tool }]
      : [],
  );
}
