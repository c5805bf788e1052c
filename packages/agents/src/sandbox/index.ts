export {
  defineSandboxTools,
  type SandboxOption,
  type SandboxToolsBasics,
  type SandboxToolsOptions,
  type SessionOption,
} from './define-sandbox-tools.ts';
export {
  sandboxTools,
  type PlainSandboxToolsOptions,
  type SandboxToolOutput,
  type SandboxToolSet,
} from './sandbox-tools.ts';
export type { SandboxToolName } from './sandbox-tool.ts';
export { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';
