#!/usr/bin/env node
import { PrusikError } from '@prusik/core';
import { runCli } from './run-cli.ts';
import { outputError } from './terminal.ts';

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
for (const stream of [stdout, stderr]) stream.on('error', (error) => interrupt.abort(outputError(error)));

process.exitCode = await runCli(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  cwd: process.cwd(),
  signal: interrupt.signal,
});
