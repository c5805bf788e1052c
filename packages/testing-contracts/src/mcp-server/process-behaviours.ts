import { spawn, type SpawnOptions } from 'node:child_process';
import type { Behaviour, World } from './wire.ts';

/** A process that ends by SIGKILL alone, and is found by the marker. */
const leaves =
  (options: SpawnOptions) =>
  ({ marker }: Pick<World, 'marker'>): void => {
    spawn('/bin/sh', ['-c', "trap '' TERM INT HUP; while :; do sleep 1; done", marker], options).unref();
  };

/** Ends by SIGKILL alone. */
function refusesToEnd(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  setInterval(() => {}, 60_000);
}

export type ProcessKind = 'ignores-end' | 'grandchild' | 'grandchild-holds-output' | 'grandchild-in-own-session';

/** Servers that do not go, or leave something behind. */
export const PROCESS_BEHAVIOURS: Readonly<Record<ProcessKind, Partial<Behaviour>>> = {
  /** Ignores the end of stdin, SIGTERM, SIGINT and SIGHUP. */
  'ignores-end': { start: refusesToEnd },
  /** Has a child that outlives it. */
  grandchild: { start: leaves({ stdio: 'ignore' }) },
  /** Has one that keeps its standard output and error open. */
  'grandchild-holds-output': { start: leaves({ stdio: ['ignore', 'inherit', 'inherit'] }) },
  /** Has one in a session of its own, which no signal to a process group reaches. */
  'grandchild-in-own-session': { start: leaves({ stdio: 'ignore', detached: true }) },
};
