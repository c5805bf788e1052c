import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExceededLimit, ExecResult, SandboxLimits } from '@prusik/core';
import { createOutputCollector } from './output-collector.ts';
import type { RunningProcess } from './running-process.ts';

/** How long pipes may stay open after the exit: someone who escaped from the tree may hold them. */
const PIPE_GRACE_MS = 250;

export interface CollectOptions {
  readonly stdin?: string | Uint8Array;
  readonly limits: SandboxLimits;
  /** Milliseconds left of `limits.timeoutMs`. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Watches the tree until the returned function is called; calls back at most once. */
  readonly watch: (running: RunningProcess, onExceeded: (limit: ExceededLimit) => void) => () => void;
}

/** Feeds a process, collects what it says, and ends it at the first limit. Resolves when no process of it is left. */
export async function collect(running: RunningProcess, options: CollectOptions): Promise<ExecResult> {
  const { limits, signal } = options;
  const stdout = createOutputCollector(limits.maxOutputBytes);
  const stderr = createOutputCollector(limits.maxOutputBytes);
  let exceeded: ExceededLimit | null = null;

  const stop = (limit: ExceededLimit): void => {
    exceeded ??= limit;
    running.kill();
  };
  const onOutput = (collector: typeof stdout) => (chunk: Uint8Array) => {
    collector.add(chunk);
    if (stdout.total + stderr.total > limits.hardOutputBytes) stop('hardOutputBytes');
  };
  running.stdout.on('data', onOutput(stdout)).resume();
  running.stderr.on('data', onOutput(stderr)).resume();
  const closed = Promise.all([once(running.stdout, 'close'), once(running.stderr, 'close')]).catch(() => {});
  const onAbort = (): void => running.kill();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) running.kill();
  const deadline = setTimeout(() => stop('timeoutMs'), options.timeoutMs);
  const unwatch = options.watch(running, stop);
  running.stdin.end(options.stdin);

  try {
    const { exitCode, signal: killedBy } = await running.ended;
    await Promise.race([closed, delay(PIPE_GRACE_MS, undefined, { ref: false })]);
    signal?.throwIfAborted();
    const killed = exceeded !== null;
    const [out, err] = [stdout.result(), stderr.result()];
    return {
      exitCode: killed ? null : exitCode,
      signal: killed ? 'SIGKILL' : killedBy,
      stdout: out.bytes,
      stderr: err.bytes,
      stdoutOmitted: out.omitted,
      stderrOmitted: err.omitted,
      timedOut: exceeded === 'timeoutMs',
      exceeded,
    };
  } finally {
    clearTimeout(deadline);
    unwatch();
    signal?.removeEventListener('abort', onAbort);
    running.stdin.destroy();
    running.stdout.destroy();
    running.stderr.destroy();
  }
}
