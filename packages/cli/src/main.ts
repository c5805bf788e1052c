#!/usr/bin/env node
import { PrusikError } from '@prusik/core';
import { runCli } from './run-cli.ts';

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (interrupt.signal.aborted) {
      // The second time the person means it. An exit would wait for a file that is being opened, as a named pipe without a writer is.
      process.removeAllListeners(name);
      process.kill(process.pid, name);
    }
    interrupt.abort(new PrusikError('CLI_INTERRUPTED', `Stopped by ${name}`));
  });
}

const { stdin, stdout, stderr, env } = process;
// `prusik runs | head`: nobody reads any more.
for (const stream of [stdout, stderr])
  stream.on('error', (error: NodeJS.ErrnoException) =>
    interrupt.abort(
      error.code === 'EPIPE'
        ? error
        : new PrusikError('FILE_UNWRITABLE', `The output cannot be written: ${error.code}`, { cause: error }),
    ),
  );

process.exitCode = await runCli(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  cwd: process.cwd(),
  signal: interrupt.signal,
});
