import type { DurableContext } from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import { childCalls, type ChildCalls } from './child-calls.ts';
import { createPromptFiles, type PromptFiles } from './prompt-files.ts';
import { createPromptTold, type PromptTold } from './prompt-told.ts';
import { createPromptView, type PromptView } from './prompt-view.ts';
import { runSources, type RunSources } from './run-sources.ts';

/** One drive of an agent's run: what its steps share. */
export interface AgentRun {
  readonly agent: AgentCore;
  readonly ctx: DurableContext;
  readonly prompt: PromptView;
  readonly files: PromptFiles;
  readonly children: ChildCalls;
  readonly told: PromptTold;
  readonly sources: RunSources;
  /** Model calls that were made in this drive. What follows one that was not may have been begun by a process that is lost. */
  readonly madeHere: Set<number>;
  /** Milliseconds from the run's start to the last delivered outcome; the same on replay. */
  elapsedMs(): number;
  /** Id of the message that a step stores under `key`; the same on every attempt and in every process. */
  messageId(key: string): string;
}

export function agentRun(agent: AgentCore, ctx: DurableContext): AgentRun {
  // One derived id a run instead of one a message: hashing is dearer than everything else that a step does here.
  const base = ctx.uuid('messages');
  const startedAt = ctx.now();
  return {
    agent,
    ctx,
    prompt: createPromptView(ctx),
    files: createPromptFiles(),
    children: childCalls(agent, ctx),
    told: createPromptTold(),
    sources: runSources(agent, ctx),
    madeHere: new Set(),
    elapsedMs: () => ctx.now() - startedAt,
    messageId: (key) => `${base}:${key}`,
  };
}
