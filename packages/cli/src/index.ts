export { EXIT, type ExitCode } from './exit-codes.ts';
export { runCli } from './run-cli.ts';
export type { Io } from './command.ts';
export type { OutputStream } from './terminal.ts';
