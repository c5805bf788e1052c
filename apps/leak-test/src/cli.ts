import { json } from 'node:stream/consumers';
import { runCli } from '@prusik/cli';

// Command lines of `prusik`, one after the other, as a person would see them.
const { stdin, stdout, stderr, env } = process;
const { signal } = new AbortController();
for (const args of (await json(stdin)) as readonly (readonly string[])[])
  await runCli(args, { stdin, stdout, stderr, env, cwd: process.cwd(), signal });
