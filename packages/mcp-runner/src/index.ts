export { fileCredentials } from './credentials-file.ts';
export { memoryCredentials } from './credentials-memory.ts';
export {
  installNpmServer,
  installServer,
  type Installation,
  type InstallOptions,
  type NpmInstallation,
  type NpmInstallOptions,
} from './install.ts';
export { DEFAULT_LIMITS, type McpLimits } from './limits.ts';
export type {
  HttpAuth,
  HttpServer,
  McpRunnerOptions,
  McpServer,
  OAuthClient,
  OAuthRegistration,
  OAuthSignIn,
  SecretOf,
  StdioServer,
} from './options.ts';
export type { McpCaller } from './mcp-server.ts';
export { filePins, memoryPins, type PinStore, type ToolPins } from './pins.ts';
export type { McpApproval, McpEffect, McpFacts, McpPolicy, McpVerdict, ToolRules } from './govern.ts';
export type { McpPrompt, McpPromptArgument, McpPrompts } from './prompts.ts';
export type {
  McpResource,
  McpResourceContent,
  McpResources,
  McpResourceTemplate,
  McpReadOptions,
} from './resources.ts';
export type { McpSampling } from './sampling.ts';
export type { TraceFields } from './trace-meta.ts';
export type { RiskTier, ServerPlace } from './risk.ts';
export { mcpRunner, type McpRunner, type McpToolsOptions } from './runner.ts';
export type { AnswerNeed, McpModelOutput, McpModelPart, McpTool, McpToolOutput, McpToolSet } from './sdk-tools.ts';
export type { McpServerState } from './server-state.ts';
export type { BeginSignIn, SignedIn, SignIn, SignInBy } from './sign-in.ts';
export type { ToolHints } from './server-tool.ts';
export type { ToolChange } from './tool-changes.ts';
export type { ToolInputSchema } from './tool-schema.ts';
