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
