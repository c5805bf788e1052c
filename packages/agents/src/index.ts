export { bindModels, defineAgent } from './define-agent.ts';
export type { ActiveToolsScope, InstructionScope } from './agent-core.ts';
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
export { contextManager, type ContextManagerOptions } from './context-manager.ts';
export { defineTool } from './define-tool.ts';
export type {
  AnyTool,
  ApprovalCall,
  ApprovalStatus,
  DepsOf,
  InDoubt,
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
} from './loop-types.ts';
export type { ModelSettings } from './model-call.ts';
export { modelRegistry, type LanguageModelObject, type ModelRegistry } from './model-registry.ts';
export { toModelMessages } from './to-model-messages.ts';
export { fromModelMessages, type FromModelOptions } from './from-model-messages.ts';
export { skill, skillMounts, type Skill, type SkillOptions } from './skill.ts';
export { SKILL_LIMITS, type SkillFile } from './skill-files.ts';
export { READ_SKILL } from './skill-tool.ts';
