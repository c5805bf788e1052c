import { runCli } from './cli.ts';

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second time the person does not want to wait for the workers to end.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort(new Error(name));
  });
}

process.exitCode = await runCli(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  report: (text) => process.stderr.write(text),
  signal: interrupt.signal,
  execArgv: process.execArgv,
});
