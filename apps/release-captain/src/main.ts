import { PrusikError } from '@prusik/core';
import { runCli } from './cli/run-cli.ts';

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second time the person means it: what was committed is safe in any case.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort(new PrusikError('INTERRUPTED', `${name}; the run can be taken up again with its id`));
  });
}

const { stdin, stdout, stderr, env } = process;
// `release-captain … | head`: nobody reads any more, so there is no reason to go on just now.
for (const stream of [stdout, stderr]) stream.on('error', (error) => interrupt.abort(error));

process.exitCode = await runCli(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  cwd: process.cwd(),
  signal: interrupt.signal,
});
