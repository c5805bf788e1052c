#!/usr/bin/env node
import { PrusikError } from '@prusik/core';
import { runCli } from './run-cli.ts';

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second time the person means it.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort(new PrusikError('CLI_INTERRUPTED', `Stopped by ${name}`));
  });
}

const { stdin, stdout, stderr, env } = process;
// `prusik runs | head`: nobody reads any more.
for (const stream of [stdout, stderr]) stream.on('error', (error) => interrupt.abort(error));

process.exitCode = await runCli(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  cwd: process.cwd(),
  signal: interrupt.signal,
});
