import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolSourceContract, type ToolSourceUnderTest } from '@prusik/testing-contracts';
import { test } from 'vitest';
import { mcpRunner } from '../src/index.ts';
import { newPlace } from './place.ts';

/** A runner whose one server has the tools of the suite. */
async function create(): Promise<ToolSourceUnderTest> {
  const place = await newPlace('none');
  const folder = await mkdtemp(join(tmpdir(), 'contract-'));
  // Where this is root, the server is somebody else.
  await chmod(folder, 0o777);
  const server = await place.server('contract-server', [folder], { approval: 'never' });
  const runner = mcpRunner({ sandbox: place.sandbox, servers: { it: server } });
  const signal = async (name: NodeJS.Signals): Promise<void> => {
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
    process.kill(pid, name);
  };
  return {
    source: runner.source(),
    tools: { echo: 'it_echo', fail: 'it_fail', wait: 'it_wait', vanish: 'it_vanish', ask: 'it_ask' },
    answer: { what: 'the answer' },
    async executions(tool) {
      const calls = await readFile(join(folder, 'calls'), 'utf8').catch(() => '');
      return calls.split('\n').filter((name) => `it_${name}` === tool).length;
    },
    async change() {
      await writeFile(join(folder, 'changed'), '');
      await signal('SIGUSR2');
      // Its notice is behind whatever it says before.
      while (!runner.servers().some(({ withheld }) => withheld.length > 0)) {
        await new Promise(setImmediate);
        await runner.tools();
      }
    },
    async lose() {
      await writeFile(join(folder, 'lost'), '');
      await signal('SIGKILL');
      // Its end is told by its pipes.
      while (runner.servers().some(({ status }) => status === 'ready')) await new Promise(setImmediate);
    },
    async [Symbol.asyncDispose]() {
      await runner[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

toolSourceContract({ test, create, asks: true });
