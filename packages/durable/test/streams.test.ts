import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { sqliteStore } from '@prusik/store-sqlite';
import {
  runStreamTest,
  STREAM_TESTS,
  streamContract,
  type StreamEngine,
  type StreamOpenOptions,
  type StreamStorage,
  type StreamTest,
} from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../src/index.ts';
import { STREAM_FAULTS, type StreamFault } from './stream-faults.ts';

function engineOver(store: Store, { definitions, instrument }: StreamOpenOptions): StreamEngine {
  return createEngine({ store: instrument(store), definitions, limits: { parkAfterMs: 0 } });
}

/** Engines that share one store in memory. */
function inMemory(): StreamStorage {
  const store = memoryStore();
  return { open: (options) => engineOver(store, options) };
}

/** Engines with a handle each on one file, as processes have. */
function inOneFile(): StreamStorage {
  const directory = mkdtempSync(join(tmpdir(), 'prusik-streams-'));
  return {
    open(options) {
      const store = sqliteStore({ path: join(directory, 'store.db'), synchronous: 'normal' });
      const engine = engineOver(store, options);
      return {
        ...engine,
        async [Symbol.asyncDispose]() {
          await engine[Symbol.asyncDispose]();
          await store[Symbol.asyncDispose]();
        },
      };
    },
    remove: () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}

describe('events of runs in memory', () => {
  streamContract({ test: it, create: inMemory });
});

describe('events of runs in a file', () => {
  streamContract({ test: it, create: inOneFile });
});

/** Runs a test on engines with a fault, and returns what it says: only a failed assertion means that it has noticed. */
async function verdict(test: StreamTest, { events }: StreamFault): Promise<unknown> {
  const { open } = inMemory();
  let engines = 0;
  const broken: StreamStorage = {
    async open(options) {
      const sound = await open(options);
      engines += 1;
      return { ...sound, events: events(sound, engines) };
    },
  };
  try {
    await runStreamTest(test, broken);
    return 'passes';
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_ASSERTION' ? 'fails' : error;
  }
}

function testNamed(part: string): StreamTest {
  const found = STREAM_TESTS.filter(({ title }) => title.includes(part));
  if (found.length !== 1) throw new Error(`${found.length} tests of the suite are called ${JSON.stringify(part)}`);
  return found[0] as StreamTest;
}

describe('TST-2: the stream suite notices', () => {
  it.each(STREAM_FAULTS.map((fault) => [fault.name, fault] as const))('%s', async (_, fault) => {
    expect(await verdict(testNamed(fault.caughtBy), fault)).toBe('fails');
  });
});

describe('TST-2: every test of the stream suite notices something', () => {
  it.each(STREAM_TESTS.map(({ title }) => title))('%s', (title) => {
    expect(STREAM_FAULTS.filter((fault) => title.includes(fault.caughtBy))).not.toEqual([]);
  });
});
