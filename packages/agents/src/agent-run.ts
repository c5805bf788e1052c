import type { DurableContext } from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import { createSlots, type Slots } from './slots.ts';

/** One drive of an agent's run: what its steps share. */
export interface AgentRun {
  readonly agent: AgentCore;
  readonly ctx: DurableContext;
  /** Bounds the tool calls at once, over all replies. */
  readonly slots: Slots;
  /** Id of the message that a step stores under `key`; the same on every attempt and in every process. */
  messageId(key: string): string;
}

export function agentRun(agent: AgentCore, ctx: DurableContext): AgentRun {
  // One derived id a run instead of one a message: hashing is dearer than everything else that a step does here.
  const base = ctx.uuid('messages');
  return { agent, ctx, slots: createSlots(agent.limits.parallelTools), messageId: (key) => `${base}:${key}` };
}
