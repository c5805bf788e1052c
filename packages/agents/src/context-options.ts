import type { ContextManager } from '@prusik/core';
import { contextManager } from './context-manager.ts';
import { checkModel, type LanguageModelObject } from './language-model.ts';
import { toRoute, type ModelRoute } from './model-route.ts';

/** How an agent's conversation is kept within its model's window. */
export interface ContextOptions {
  /**
   * Tokens that a prompt and its reply may have together. @default what the registry says of the model (`capabilities.contextTokens`); where
   * nobody says, a prompt is made shorter once its provider has refused it as too long
   */
  readonly limit?: number;
  /** Decides when and how. @default contextManager() */
  readonly manager?: ContextManager;
  /** Who writes summaries: a model object, or an alias of the registry. @default the agent's own model */
  readonly summaryModel?: string | LanguageModelObject;
}

/** The same, worked out. */
export interface AgentContext {
  readonly manager: ContextManager;
  readonly limitTokens?: number;
  readonly summaryModel: ModelRoute;
}

/** `undefined` where it is switched off. */
export function contextOf(
  options: ContextOptions | false | undefined,
  model: ModelRoute,
  summaryModel: LanguageModelObject | ModelRoute | undefined,
): AgentContext | undefined {
  if (options === false) return undefined;
  const limitTokens = options?.limit ?? model.entries[0].capabilities?.contextTokens;
  const named = typeof options?.summaryModel === 'string' ? undefined : options?.summaryModel;
  const writer = named ?? summaryModel;
  return {
    manager: options?.manager ?? DEFAULT_MANAGER,
    ...(limitTokens === undefined ? {} : { limitTokens }),
    summaryModel: writer === undefined ? model : toRoute(writer),
  };
}

const DEFAULT_MANAGER = contextManager();

/** @throws {TypeError} */
export function checkContextOptions(agent: string, options: ContextOptions | false | undefined): void {
  if (options === undefined || options === false) return;
  const { limit, manager, summaryModel } = options;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
    throw new TypeError(`Agent ${agent}: context.limit must be a positive number of tokens, not ${String(limit)}`);
  if (manager !== undefined && typeof manager.plan !== 'function')
    throw new TypeError(`Agent ${agent}: context.manager must have a plan()`);
  if (summaryModel === '') throw new TypeError(`Agent ${agent}: the alias of context.summaryModel must not be empty`);
  if (summaryModel !== undefined && typeof summaryModel !== 'string')
    checkModel(summaryModel, `The summary model of agent ${agent}`);
}
