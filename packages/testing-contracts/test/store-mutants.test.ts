import { describe, expect, it } from 'vitest';
import { runStoreTest, storeContract, testsFor, type StoreTest } from '../src/index.ts';
import type { StoreFault } from './store-faults/fault.ts';
import { STORE_FAULTS } from './store-faults/index.ts';
import { SHARED_CAPABILITIES, sharedStorage } from './store-faults/shared-storage.ts';

const tests = testsFor(SHARED_CAPABILITIES);

describe('the store that the faults are built into is sound without them', () => {
  storeContract({ test: it, create: () => sharedStorage(), capabilities: SHARED_CAPABILITIES });
});

/** Runs a test on a store with a fault, and returns what it says: only a failed assertion means that it has noticed. */
async function verdict(test: StoreTest, fault: StoreFault): Promise<unknown> {
  try {
    await runStoreTest(test, sharedStorage(fault), SHARED_CAPABILITIES);
    return 'passes';
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_ASSERTION' ? 'fails' : error;
  }
}

function testNamed(part: string): StoreTest {
  const found = tests.filter(({ title }) => title.includes(part));
  if (found.length !== 1) throw new Error(`${found.length} tests of the suite are called ${JSON.stringify(part)}`);
  return found[0] as StoreTest;
}

it('TST-1: the suite says what it needs where a store declares nothing', () => {
  const given = { test: it, create: () => sharedStorage() } as unknown as Parameters<typeof storeContract>[0];

  expect(() => storeContract(given)).toThrow(/capabilities must say what your store declares/);
});

describe('TST-2: the suite notices', () => {
  it.each(STORE_FAULTS.map((fault) => [fault.name, fault] as const))('%s', async (_, fault) => {
    expect(await verdict(testNamed(fault.caughtBy), fault)).toBe('fails');
  });
});

describe('TST-2: every test of the suite notices something', () => {
  it.each(tests.map(({ title }) => title))('%s', (title) => {
    expect(STORE_FAULTS.filter((fault) => title.includes(fault.caughtBy))).not.toEqual([]);
  });

  it('no two faults have one name', () => {
    const names = STORE_FAULTS.map(({ name, caughtBy }) => `${name}: ${caughtBy}`);
    expect(names).toEqual([...new Set(names)]);
  });
});
