import { describe, expect, it } from 'vitest';
import {
  REQUEST_POLICY_TESTS,
  requestPolicyContract,
  runRequestPolicyTest,
  type RequestPolicy,
} from '../src/request-policy-contract.ts';
import { PAYMENTS, payments, REQUEST_POLICY_FAULTS } from './request-policy-faults.ts';

describe('an approval policy that is sound', () => {
  requestPolicyContract({ test: it, ...PAYMENTS, create: () => payments });
});

describe('a responder policy that is sound, and slow', () => {
  const canAnswer: RequestPolicy = async ({
    by,
    context,
  }: {
    readonly by?: string;
    readonly context: { readonly user: string };
  }) => {
    await new Promise(setImmediate);
    return by !== undefined && by !== context.user;
  };
  const context = { user: 'ann' };
  requestPolicyContract({
    test: it,
    kind: 'responder',
    create: () => canAnswer,
    cases: [
      { name: 'somebody else', subject: { by: 'bob', context }, answer: true },
      { name: 'whom it works for', subject: { by: 'ann', context }, answer: false },
    ],
    // One that cannot be looked at makes it throw, which refuses.
    strangers: [{ context }, { by: 'bob', context: null }],
  });
});

describe('TST-2: the suite for request policies notices one that', () => {
  it.each(REQUEST_POLICY_FAULTS.map((fault) => [`${fault.name}: ${fault.caughtBy}`, fault] as const))(
    '%s',
    async (_, { caughtBy, create }) => {
      const [test, ...others] = REQUEST_POLICY_TESTS.filter(({ title }) => title.includes(caughtBy));
      expect(others).toEqual([]);
      if (test === undefined) throw new Error(`There is no test ${caughtBy}`);
      await expect(runRequestPolicyTest(test, { ...PAYMENTS, create })).rejects.toMatchObject({
        code: 'ERR_ASSERTION',
      });
    },
  );

  it.each(REQUEST_POLICY_TESTS.map(({ title }) => title))('has a mutant for: %s', (title) => {
    expect(REQUEST_POLICY_FAULTS.filter(({ caughtBy }) => title.includes(caughtBy))).not.toEqual([]);
  });

  it('refuses cases that say nothing', () => {
    const cases = PAYMENTS.cases.filter(({ answer }) => answer === 'approved');
    expect(() => requestPolicyContract({ test: it, ...PAYMENTS, cases, create: () => payments })).toThrow(TypeError);
    expect(() => requestPolicyContract({ test: it, ...PAYMENTS, cases: [], create: () => payments })).toThrow(
      TypeError,
    );
  });
});
