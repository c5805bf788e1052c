import { describe, expect, it } from 'vitest';
import {
  CREDENTIAL_STORE_TESTS,
  credentialStoreContract,
  runCredentialStoreTest,
} from '../src/credential-store-contract.ts';
import { CREDENTIAL_STORE_FAULTS, soundCredentials } from './credential-store-faults.ts';

describe('a credential store that is sound', () => {
  credentialStoreContract({ test: it, create: soundCredentials });
});

describe('TST-2: the suite for credential stores notices one that', () => {
  it.each(CREDENTIAL_STORE_FAULTS.map((fault) => [`${fault.name}: ${fault.caughtBy}`, fault] as const))(
    '%s',
    async (_, { caughtBy, create }) => {
      const [test, ...others] = CREDENTIAL_STORE_TESTS.filter(({ title }) => title.includes(caughtBy));
      expect(others).toEqual([]);
      if (test === undefined) throw new Error(`There is no test ${caughtBy}`);
      await expect(runCredentialStoreTest(test, create())).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
    },
  );

  it.each(CREDENTIAL_STORE_TESTS.map(({ title }) => title))('has a mutant for: %s', (title) => {
    expect(CREDENTIAL_STORE_FAULTS.filter(({ caughtBy }) => title.includes(caughtBy))).not.toEqual([]);
  });
});
