import { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import type {
  ExceededLimit,
  ExecResult,
  RunCommandResult,
  SandboxLimits,
  SandboxProcess,
  WritableSandboxProcess,
} from '@prusik/core';
import { checkLimit } from './limits.ts';
import type { RunningProcess } from './running-process.ts';

/** As timeout(1) reports it. */
const LIMIT_EXIT_CODE = 124;
/** 128 + SIGKILL, as a shell reports it. */
const KILLED_EXIT_CODE = 137;

/** An exec's result as text for a model, with the limit that ended it. */
export function shellResult(result: ExecResult, limits: SandboxLimits): RunCommandResult {
  const { exceeded } = result;
  const note = exceeded === null ? '' : `\n[killed: it reached the limit ${exceeded} = ${limits[exceeded]}]\n`;
  return {
    exitCode: exceeded === null ? (result.exitCode ?? KILLED_EXIT_CODE) : LIMIT_EXIT_CODE,
    stdout: Buffer.from(result.stdout).toString('utf8'),
    stderr: Buffer.from(result.stderr).toString('utf8') + note,
    exceeded,
  };
}

export interface SpawnedProcessOptions {
  readonly stdin: boolean;
  readonly signal?: AbortSignal;
  readonly watch: (onExceeded: (limit: ExceededLimit) => void) => () => void;
}

/** The handle of a long-lived process. */
export function spawnedProcess(
  running: RunningProcess,
  { stdin, signal, watch }: SpawnedProcessOptions,
): SandboxProcess | WritableSandboxProcess {
  let exceeded: ExceededLimit | null = null;
  const unwatch = watch((limit) => {
    exceeded ??= limit;
    running.kill();
  });
  const onAbort = (): void => running.kill();
  signal?.addEventListener('abort', onAbort, { once: true });
  // It may have fired while the process started.
  if (signal?.aborted === true) running.kill();
  const exit = running.ended
    .finally(() => {
      unwatch();
      signal?.removeEventListener('abort', onAbort);
    })
    .then(({ exitCode }) => ({ exitCode: exitCode ?? KILLED_EXIT_CODE, exceeded }));
  if (!stdin) running.stdin.end();

  const handle: SandboxProcess = {
    stdout: Readable.toWeb(running.stdout) as ReadableStream<Uint8Array>,
    stderr: Readable.toWeb(running.stderr) as ReadableStream<Uint8Array>,
    exit,
    async wait() {
      const { exitCode } = await exit;
      signal?.throwIfAborted();
      return { exitCode };
    },
    async kill({ graceMs = 0 } = {}) {
      if (graceMs !== 0) {
        checkLimit('graceMs', graceMs);
        running.terminate();
        await endedWithin(running, graceMs);
      }
      running.kill();
      await exit;
    },
  };
  return stdin ? { ...handle, stdin: Writable.toWeb(running.stdin) as WritableStream<Uint8Array> } : handle;
}

async function endedWithin({ ended }: RunningProcess, milliseconds: number): Promise<void> {
  const over = new AbortController();
  await Promise.race([ended, delay(milliseconds, undefined, { signal: over.signal }).catch(() => {})]);
  over.abort();
}
