export {
  installNpmServer,
  installServer,
  type Installation,
  type InstallOptions,
  type NpmInstallation,
  type NpmInstallOptions,
} from './install.ts';
export { DEFAULT_LIMITS, type McpLimits } from './limits.ts';
export type { HttpServer, McpRunnerOptions, McpServer, SecretOf, StdioServer } from './options.ts';
