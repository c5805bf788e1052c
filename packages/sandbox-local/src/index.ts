export { createLocalSandbox, type LocalSandboxOptions } from './local-sandbox.ts';
