import assert from 'node:assert/strict';
import {
  contextView,
  createRuler,
  cutPoints,
  reconcile,
  TOOL_RESULT_MISSING,
  type ContextManager,
  type Message,
} from '@prusik/core';
import { anyConversation, carriedOut, exchange, planFor, RULER, said, tokensOf } from './context-conversation.ts';
import { seededRandom } from './crash/seeded-random.ts';

/** A test of the suite for context managers. */
export interface ContextTest {
  readonly title: string;
  readonly run: (manager: ContextManager) => void | Promise<void>;
}

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed);

/** For every seed: a conversation, and a limit that it goes past. */
function eachConversation(check: (thread: readonly Message[], limit: number, seed: number) => void): void {
  for (const seed of SEEDS) {
    const random = seededRandom(seed);
    const thread = anyConversation(random, random.int(1, 25));
    check(thread, Math.ceil(tokensOf(thread) * (0.2 + 0.8 * random.next())), seed);
  }
}

const openCalls = (messages: readonly Message[]): number =>
  reconcile(messages)
    .flatMap(({ content }) => content)
    .filter(
      (part) => part.type === 'tool-result' && part.output.type === 'error' && part.output.code === TOOL_RESULT_MISSING,
    ).length;

const results = (messages: readonly Message[]): number =>
  messages.flatMap(({ content }) => content).filter(({ type }) => type === 'tool-result').length;

/** The suite of context managers, one by one. */
export const CONTEXT_TESTS: readonly ContextTest[] = [
  {
    title: 'AGT-9: a conversation that takes a tenth of what it may is left alone',
    run(manager) {
      eachConversation((thread, _, seed) => {
        assert.deepEqual(planFor(manager, thread, tokensOf(thread) * 10), { does: 'keep' }, `seed ${seed}`);
      });
    },
  },
  {
    title: 'AGT-9: the same view, ruler and limit give the same plan, and are left as they were',
    run(manager) {
      eachConversation((thread, limit, seed) => {
        const before = JSON.stringify(thread);
        const plan = planFor(manager, thread, limit);
        assert.deepEqual(planFor(manager, JSON.parse(before) as Message[], limit), plan, `seed ${seed}`);
        assert.equal(JSON.stringify(thread), before, `seed ${seed}`);
      });
    },
  },
  {
    title: 'AGT-9: a conversation that is twice as long as it may be is made shorter',
    run(manager) {
      const thread = Array.from({ length: 40 }, (_, turn) => [
        said(`user-${turn}`, 'user', 400),
        ...exchange(`reply-${turn}`, [400, 400]),
        said(`answer-${turn}`, 'assistant', 400),
      ]).flat();
      const limit = Math.ceil(tokensOf(thread) / 2);
      const after = tokensOf(carriedOut(thread, planFor(manager, thread, limit)));
      assert.ok(after <= limit, `${after} tokens of ${limit}`);
    },
  },
  {
    title: 'AGT-9: old large results are cut before anything is summarised',
    run(manager) {
      const talk = Array.from({ length: 15 }, (_, turn) => [
        said(`user-${turn}`, 'user', 20),
        said(`answer-${turn}`, 'assistant', 20),
      ]).flat();
      const thread = [...exchange('old', [40_000, 40_000]), ...talk];
      assert.equal(planFor(manager, thread, 15_000).does, 'trim');
    },
  },
  {
    title: 'AGT-9: no plan makes a conversation longer',
    run(manager) {
      eachConversation((thread, limit, seed) => {
        for (const overflowed of [false, true]) {
          const plan = planFor(manager, thread, limit, { overflowed });
          if (plan.does === 'keep') continue;
          assert.ok(tokensOf(carriedOut(thread, plan)) < tokensOf(thread), `seed ${seed}: ${JSON.stringify(plan)}`);
        }
      });
    },
  },
  {
    title: 'AGT-9, SES-5: no plan parts a call from its result',
    run(manager) {
      eachConversation((thread, limit, seed) => {
        const plan = planFor(manager, thread, limit);
        if (plan.does !== 'summarise') return;
        const { rest } = contextView(thread);
        const place = rest.findIndex(({ id }) => id === plan.covers);
        assert.ok(cutPoints(rest)[place], `seed ${seed}: ${JSON.stringify(plan)}`);
        const { rest: after } = contextView(carriedOut(thread, plan));
        assert.equal(results(reconcile(after)) - openCalls(after), results(after), `seed ${seed}`);
      });
    },
  },
  {
    title: 'AGT-9: the calls of the last reply that are open stay in view',
    run(manager) {
      const talk = Array.from({ length: 20 }, (_, turn) => exchange(`reply-${turn}`, [2_000])).flat();
      const [open] = exchange('open', [10, 10]);
      const thread = [said('user', 'user', 40), ...talk, ...(open === undefined ? [] : [open])];
      const after = carriedOut(thread, planFor(manager, thread, 1_000));
      assert.notEqual(after, thread);
      assert.equal(contextView(after).rest.at(-1)?.id, 'open');
    },
  },
  {
    title: 'AGT-9: planning again and again comes to rest',
    run(manager) {
      eachConversation((thread, limit, seed) => {
        let now = thread;
        let rounds = 0;
        for (; rounds < 10; rounds += 1) {
          const plan = planFor(manager, now, limit);
          if (plan.does === 'keep') break;
          now = carriedOut(now, plan);
        }
        assert.ok(rounds <= 4, `seed ${seed}: ${rounds} rounds`);
      });
    },
  },
  {
    title: 'AGT-9: one compaction leaves room for the steps that follow',
    run(manager) {
      const thread = Array.from({ length: 60 }, (_, turn) => exchange(`reply-${turn}`, [1_000])).flat();
      const limit = Math.ceil(tokensOf(thread) * 0.9);
      const first = carriedOut([said('user', 'user', 40), ...thread], planFor(manager, thread, limit));
      const later = [...first, ...exchange('next-1', [200]), ...exchange('next-2', [200])];
      assert.deepEqual(planFor(manager, later, limit), { does: 'keep' });
    },
  },
  {
    title:
      'AGT-9: a view that the provider refuses is made shorter though it fits by the ruler, and though nobody knows the limit',
    run(manager) {
      const thread = [
        said('user', 'user', 200),
        ...Array.from({ length: 30 }, (_, turn) => exchange(`reply-${turn}`, [3_000])).flat(),
      ];
      for (const limit of [tokensOf(thread) * 4, Number.POSITIVE_INFINITY]) {
        const after = tokensOf(carriedOut(thread, planFor(manager, thread, limit, { overflowed: true })));
        assert.ok(after <= tokensOf(thread) * 0.7, `${after} of ${tokensOf(thread)} tokens`);
      }
    },
  },
  {
    title: 'AGT-9: where nothing can be made shorter the plan says so',
    run(manager) {
      for (const thread of [[said('only', 'user', 40_000)], [said('a', 'user', 8), said('b', 'assistant', 8)]])
        assert.deepEqual(planFor(manager, thread, 50), { does: 'keep' });
    },
  },
  {
    title: 'AGT-9: the summary that is asked for fits into what the prompt may take',
    run(manager) {
      eachConversation((thread, limit, seed) => {
        const plan = planFor(manager, thread, limit);
        if (plan.does === 'summarise')
          assert.ok(plan.maxTokens <= limit / 2, `seed ${seed}: ${plan.maxTokens} of ${limit}`);
      });
    },
  },
  {
    title: 'AGT-9: the ruler that is given is the one that is used',
    run(manager) {
      const thread = Array.from({ length: 30 }, (_, turn) => exchange(`reply-${turn}`, [1_000])).flat();
      const limit = tokensOf(thread) * 2;
      assert.equal(planFor(manager, thread, limit).does, 'keep');
      const dense = createRuler({ fixedChars: 0, charsPerToken: 1 });
      assert.notEqual(planFor(manager, thread, limit, { ruler: dense }).does, 'keep');
    },
  },
  {
    title: 'I9: planning looks at each message of a long conversation a bounded number of times',
    run(manager) {
      const thread = Array.from({ length: 2_000 }, (_, turn) => exchange(`reply-${turn}`, [600])).flat();
      let measured = 0;
      const counting = {
        tokens(messages: readonly Message[]) {
          measured += messages.length;
          return RULER.tokens(messages);
        },
      };
      planFor(manager, thread, 20_000, { ruler: counting });
      assert.ok(measured <= 100 * thread.length, `${measured} of ${thread.length} messages`);
    },
  },
];
