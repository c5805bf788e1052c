export { bindModels, defineAgent } from './define-agent.ts';
export type { ActiveToolsScope, InstructionScope, ListedName, ListedTool, ModelCallPlace } from './agent-core.ts';
export type { AgentSource, GivenSource } from './agent-source.ts';
export type {
  AgentCallTypes,
  AgentDefinition,
  AgentOf,
  AgentOptions,
  AgentParts,
  AgentPrompt,
  AnyAgent,
  PromptSchema,
  TextSchema,
} from './agent-types.ts';
export type { ContextOptions } from './context-options.ts';
export type { SamplingOptions } from './sampling.ts';
export { contextManager, type ContextManagerOptions } from './context-manager.ts';
export { agentTool, type AgentTool, type AgentToolInput, type AgentToolOptions } from './agent-tool.ts';
export { askTool, type AskInput, type AskToolOptions } from './ask-tool.ts';
export { callNeeds } from './call-needs.ts';
export { callTool, type CalledTool, type CallToolOptions } from './call-tool.ts';
export { clientTool, type ClientToolOptions } from './client-tool.ts';
export { callsIn, type CallStatus } from './calls-in.ts';
export { listingsIn } from './listings-in.ts';
export type { CallStage } from './call-machine.ts';
export { defineTool } from './define-tool.ts';
export { providerTool } from './provider-tool.ts';
export { toolContent, type ToolContent } from './tool-content.ts';
export type {
  AnyTool,
  ApprovalCall,
  ApprovalStatus,
  AskedElsewhere,
  DelegateOptions,
  Delegates,
  DepsOf,
  ExecutionScope,
  InDoubt,
  ProviderExecutedTool,
  ToolDefinition,
  ToolInput,
  ToolOptions,
  ToolScope,
} from './tool-types.ts';
export type { ConverterOption, JsonSchemaConverter, ModelSchema } from './json-schema.ts';
export {
  AGENT_LIMITS,
  type AgentLimits,
  type LastStep,
  type PlannedCall,
  type RecordedLimits,
  type ReplyRecord,
  type RunLimits,
  type Verdict,
  type WhenExhausted,
} from './loop-types.ts';
export type { RecordedListing } from './recorded-listing.ts';
export type { BreakerOptions } from '@prusik/core';
export type { AnsweredBy, FailedModel } from './call-route.ts';
export type { RawModelEvent } from './model-call.ts';
export type { DownloadFiles } from './fetch-files.ts';
export type { ModelCheck, ModelList, ModelLists } from './model-check.ts';
export { modelErrorClass, type ModelErrorClass } from './model-class.ts';
export type { ModelPrices } from './model-price.ts';
export {
  modelRegistry,
  type EmbeddingModelObject,
  type ModelRegistry,
  type ModelRegistryOptions,
  type ModelSpec,
  type RerankingModelObject,
} from './model-registry.ts';
export { providerOf, type LanguageModelObject } from './language-model.ts';
export type { ModelCapabilities, ModelEntry, ModelRoute } from './model-route.ts';
export type { ModelSettings } from './model-settings.ts';
export { toModelMessages, type LoadedFiles } from './to-model-messages.ts';
export { fromModelMessages, type FromModelOptions } from './from-model-messages.ts';
export { skill, skillMounts, type Skill, type SkillOptions } from './skill.ts';
export { SKILL_LIMITS, type SkillFile } from './skill-files.ts';
export { READ_SKILL } from './skill-tool.ts';
