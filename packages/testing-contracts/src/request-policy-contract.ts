import assert from 'node:assert/strict';

/**
 * `approval`: what a tool's `approval` function says of a call (`approved`, `denied`, `user-approval`, `not-applicable`). `responder`: what `canAnswer` says of
 * somebody who wants to decide a request (`true` or `false`).
 */
export type RequestPolicyKind = 'approval' | 'responder';

/** A policy, of whichever kind: it may be asked at any time, again, and about several things at once. */
export type RequestPolicy = (subject: never) => unknown;

/** Something that the policy is asked about, and what it has to say. */
export interface RequestPolicyCase {
  readonly name: string;
  /** An `ApprovalCall` or a `Responder`, as plain data. */
  readonly subject: object;
  readonly answer: unknown;
}

/** What {@link requestPolicyContract} takes. */
export interface RequestPolicyContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  readonly kind: RequestPolicyKind;
  /** Makes the policy as it is used. Called once per test. */
  readonly create: () => RequestPolicy;
  /** What it is there for; one at least that it lets through, and one that it does not. */
  readonly cases: readonly RequestPolicyCase[];
  /** What it was not made for: a call of another tool, a person without a name, a context that is `null`. None of it may be let through. */
  readonly strangers: readonly object[];
  /** How long an answer may take, in milliseconds of real time. @default 10_000, after which the harness refuses by itself */
  readonly withinMs?: number;
}

interface Bed extends Omit<RequestPolicyContract, 'test'> {
  readonly policy: RequestPolicy;
}

/** A test of the suite. */
export interface RequestPolicyTest {
  readonly title: string;
  readonly run: (bed: Bed) => Promise<void>;
}

const ANSWERS: { readonly [Kind in RequestPolicyKind]: readonly unknown[] } = {
  approval: ['approved', 'denied', 'user-approval', 'not-applicable'],
  responder: [true, false],
};
const LETS_THROUGH: ReadonlySet<unknown> = new Set(['approved', 'not-applicable', true]);
const WITHIN_MS = 10_000;

/** What it says, as whoever uses it hears it: in time, and as one of the words that count. */
async function ask({ policy, kind, withinMs = WITHIN_MS }: Bed, subject: object): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `no answer in ${withinMs} ms` })), withinMs);
  });
  try {
    const answer = await Promise.race([Promise.resolve(subject as never).then(policy), late]);
    assert.ok(ANSWERS[kind].includes(answer), `${String(answer)} is none of ${ANSWERS[kind].join(', ')}`);
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

/** The suite of policies about requests, one by one. */
export const REQUEST_POLICY_TESTS: readonly RequestPolicyTest[] = [
  {
    title: 'REQ-5: a policy says of every case what it is to say, in time and in a word that counts',
    async run(bed) {
      for (const { name, subject, answer } of bed.cases) {
        const said = await ask(bed, subject).catch((error: unknown) =>
          assert.fail(`${name}: it failed, which refuses: ${String(error)}`),
        );
        assert.deepEqual(said, answer, name);
      }
    },
  },
  {
    title: 'REQ-3: a policy that is asked again, as it is right before an execution, says the same',
    async run(bed) {
      for (const { name, subject } of bed.cases) {
        const first = await ask(bed, subject);
        for (let times = 0; times < 3; times += 1) assert.deepEqual(await ask(bed, subject), first, name);
      }
    },
  },
  {
    title: 'REQ-4: a policy that is asked about everything at once says what it says of each alone',
    async run(bed) {
      const many = [...bed.cases, ...bed.cases.toReversed()];
      const answers = await Promise.all(many.map(({ subject }) => ask(bed, subject)));
      assert.deepEqual(
        answers,
        many.map(({ answer }) => answer),
      );
    },
  },
  {
    title: 'REQ-2: a policy changes nothing of what it is shown',
    async run(bed) {
      for (const { name, subject } of bed.cases) {
        const shown = structuredClone(subject);
        await ask(bed, shown);
        assert.deepEqual(shown, subject, name);
      }
    },
  },
  {
    title: 'I12: a policy lets nobody through whom it does not know',
    async run(bed) {
      for (const stranger of bed.strangers) {
        // One that throws refuses.
        const said = await ask(bed, stranger).catch((error: unknown) => {
          if (error instanceof assert.AssertionError) throw error;
        });
        assert.ok(!LETS_THROUGH.has(said), `It lets ${JSON.stringify(stranger)} through`);
      }
    },
  },
];

/**
 * What has to be true of a policy that decides about people's requests, whatever it decides. A policy that throws, hangs or talks nonsense refuses, so it
 * does no harm; but it does not what it is there for.
 *
 * @throws {TypeError} for cases of which it lets through all or none: they would say nothing.
 */
export function requestPolicyContract({ test, ...contract }: RequestPolicyContract): void {
  const through = contract.cases.filter(({ answer }) => LETS_THROUGH.has(answer)).length;
  if (through === 0 || through === contract.cases.length)
    throw new TypeError('The cases of a policy hold one at least that it lets through, and one that it does not');
  for (const policyTest of REQUEST_POLICY_TESTS)
    test(policyTest.title, async () => runRequestPolicyTest(policyTest, contract));
}

/** Runs one test on one policy. */
export async function runRequestPolicyTest(
  { run }: RequestPolicyTest,
  contract: Omit<RequestPolicyContract, 'test'>,
): Promise<void> {
  await run({ ...contract, policy: contract.create() });
}
