import type { RequestPolicy, RequestPolicyContract } from '../src/request-policy-contract.ts';

interface Call {
  readonly tool: string;
  readonly input: { amount: number };
  readonly context: { readonly user: string } | null;
}

/** Small payments of known people run by themselves, others are asked about, those of nobody are denied. */
export const payments = ({ tool, input, context }: Call): string => {
  if (tool !== 'pay' || context === null) return 'denied';
  return input.amount <= 10 ? 'approved' : 'user-approval';
};

const call = (amount: number, more: Partial<Call> = {}): Call => ({
  tool: 'pay',
  input: { amount },
  context: { user: 'ann' },
  ...more,
});

export const PAYMENTS: Omit<RequestPolicyContract, 'test' | 'create'> = {
  kind: 'approval',
  cases: [
    { name: 'small', subject: call(1), answer: 'approved' },
    { name: 'large', subject: call(100), answer: 'user-approval' },
    { name: 'of nobody', subject: call(1, { context: null }), answer: 'denied' },
  ],
  strangers: [call(1, { tool: 'other' }), call(1, { context: null })],
  withinMs: 50,
};

export interface RequestPolicyFault {
  readonly name: string;
  /** Part of the title of one test. */
  readonly caughtBy: string;
  readonly create: () => RequestPolicy;
}

const fault = (name: string, caughtBy: string, create: () => (call: Call) => unknown): RequestPolicyFault => ({
  name,
  caughtBy,
  create,
});

const EVERY_CASE = 'a policy says of every case';

export const REQUEST_POLICY_FAULTS: readonly RequestPolicyFault[] = [
  fault('asks where it is to approve', EVERY_CASE, () => (one) => {
    const said = payments(one);
    return said === 'approved' ? 'user-approval' : said;
  }),
  fault('says yes and no in words of its own', EVERY_CASE, () => (one) => payments(one) === 'approved'),
  fault('throws', EVERY_CASE, () => () => {
    throw new Error('no');
  }),
  fault('never answers', EVERY_CASE, () => () => new Promise(() => {})),
  fault('approves what it was asked about before', 'a policy that is asked again', () => {
    const seen = new Set<number>();
    return (one) => {
      const known = seen.has(one.input.amount);
      seen.add(one.input.amount);
      return known ? 'approved' : payments(one);
    };
  }),
  fault('answers with what it was asked last', 'a policy that is asked about everything at once', () => {
    let last: Call | undefined;
    return async (one) => {
      last = one;
      await Promise.resolve();
      return payments(last);
    };
  }),
  fault('rounds what it is shown', 'a policy changes nothing', () => (one) => {
    const said = payments(one);
    one.input.amount = Math.ceil(one.input.amount / 7) * 7;
    return said;
  }),
  fault('does not look at the tool', 'a policy lets nobody through', () => (one) => payments({ ...one, tool: 'pay' })),
  fault(
    'takes nobody for anybody',
    'a policy lets nobody through',
    () => (one) => payments({ ...one, context: { user: 'nobody' } }),
  ),
];
