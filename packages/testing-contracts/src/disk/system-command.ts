import { spawnSync } from 'node:child_process';

/** Runs a command of the system to its end; one that fails or is missing throws what it said. */
export function systemCommand(command: string, ...args: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${command} cannot be started`, { cause: error });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stderr.trim()}`);
  return stdout;
}
