export { DEFAULT_LIMITS, type McpLimits } from './limits.ts';
export type { HttpServer, McpRunnerOptions, McpServer, SecretOf, StdioServer } from './options.ts';
