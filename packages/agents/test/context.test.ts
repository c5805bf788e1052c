import { createHash } from 'node:crypto';
import { contextView, type ContextManager, type Message, type Store } from '@prusik/core';
import {
  dyingStore,
  fakeClock,
  scriptedModel,
  type ScriptedModel,
  type ScriptedPart,
  type ScriptedReply,
  type ScriptedRequest,
} from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { createEngine } from '@prusik/durable';
import { z } from 'zod';
import { contextManager, defineAgent, defineTool, type AnyAgent, type ContextOptions } from '../src/index.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, threadOf } from './support.ts';

const RUN_ID = '0193f1a2-0000-7000-8000-00000000000a';
const look = defineTool({
  name: 'look',
  description: 'Looks.',
  input: z.object({ n: z.number() }),
  effect: 'repeatable',
  execute: ({ n }) => `${n}: ${'rope '.repeat(1_200)}${n === 0 ? RUN_ID : ''}`,
});
const peek = defineTool({
  name: 'peek',
  description: 'Looks briefly.',
  input: z.object({ n: z.number() }),
  effect: 'repeatable',
  execute: ({ n }) => (n === 0 ? RUN_ID : 'ice'),
});

/** Calls `look` so many times, one after the other, then answers. */
const looks = (times: number): readonly ScriptedPart[] => [
  ...Array.from({ length: times }, (_, n) => ({ call: 'look', input: { n } })),
  'Done.',
];
/** Says 525 tokens and looks briefly, so many times: nothing that could be cut. */
const talk = (times: number): readonly ScriptedReply[] =>
  Array.from({ length: times }, (_, n): ScriptedReply => [
    'I found much. '.repeat(150),
    { call: 'peek', input: { n }, callId: `peek-${n}` },
  ]);
/** 7,500 tokens for the prompt: about five looks, or twelve rounds of talk. */
const SMALL: ContextOptions = { limit: 8_000, manager: contextManager({ recentMessages: 2 }) };

const agentWith = (model: ScriptedModel, context: ContextOptions | false, more: object = {}): AnyAgent =>
  defineAgent({
    name: 'a',
    instructions: 'Climb.',
    model,
    tools: [look, peek],
    limits: { steps: 40 },
    settings: { maxOutputTokens: 500 },
    context,
    ...more,
  });

const summaries = (messages: readonly Message[]): readonly Message[] =>
  messages.filter(({ kind }) => kind === 'summary');
const promptText = ({ prompt }: ScriptedRequest): string => JSON.stringify(prompt);
const compactions = async (store: Store, run = 'r'): Promise<readonly unknown[]> =>
  (await entriesOf(store, run)).flatMap((entry) =>
    entry.type === 'step-end' && entry.key.startsWith('compact:') ? [entry.outcome] : [],
  );

/** What a provider says when a prompt is too long. */
const overflow = (): Error =>
  Object.assign(new Error('prompt is too long: 250000 tokens > 200000 maximum'), {
    statusCode: 400,
    isRetryable: false,
  });

describe('a conversation that grows too long', () => {
  it('AGT-9: has its old results cut in the prompt, and whole in the thread', async () => {
    const store = newStore();
    const model = scriptedModel(looks(5));
    const result = await newEngine([agentWith(model, SMALL)], { store }).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await compactions(store)).toEqual([{ ok: true, value: expect.objectContaining({ did: 'trim' }) }]);
    const thread = await threadOf(store, 'r');
    expect(JSON.stringify(thread).length).toBeGreaterThan(24_000);
    expect(JSON.stringify(thread)).not.toContain('left out');
    const last = promptText(model.requests[5] as ScriptedRequest);
    expect(last).toContain('characters left out');
    expect(last.length).toBeLessThan(18_000);
  });

  it('AGT-9: keeps its prefix to the byte from call to call, except where it is made shorter', async () => {
    const model = scriptedModel(looks(30));
    const summaryModel = scriptedModel(Array.from({ length: 9 }, () => 'They climbed.'));
    const store = newStore();
    await newEngine([agentWith(model, { limit: 30_000, summaryModel })], { store }).run('a', 'Go', { id: 'r' });

    const facts = (await entriesOf(store, 'r')).flatMap((entry) =>
      entry.type === 'step-end' && entry.key.startsWith('compact:') && entry.usage?.outputTokens !== 0
        ? [entry.facts]
        : [],
    );
    expect(facts).toContainEqual(expect.objectContaining({ of: 'model', finish: 'stop' }));
    const prompts = model.requests.map(({ prompt, tools }) => [
      JSON.stringify(tools),
      ...prompt.map((one) => JSON.stringify(one)),
    ]);
    const hashOf = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex');
    const kept = prompts.slice(1).filter((prompt, index) => {
      const before = prompts[index] ?? [];
      return hashOf(prompt.slice(0, before.length)) === hashOf(before);
    });
    const broken = prompts.length - 1 - kept.length;

    expect(broken).toBe((await compactions(store)).length);
    expect(broken).toBeGreaterThan(0);
    expect(kept.length).toBeGreaterThan(2 * broken);
  });

  /** Plays `replies` to the agent and `summary` to whoever asks without tools. */
  function withSummary(replies: readonly ScriptedReply[], summary: (request: ScriptedRequest) => ScriptedReply) {
    let next = 0;
    let asked = 0;
    const model = scriptedModel(
      Array.from({ length: 100 }, () => (request: ScriptedRequest) => {
        if ((request.tools ?? []).length > 0) return replies[next++] ?? 'Done.';
        asked += 1;
        return summary(request);
      }),
    );
    return { model, summariesAsked: () => asked };
  }
  const long = talk(14);

  it('AGT-9: is summarised where cutting is not enough: what the user said last and the last messages stay, ids too', async () => {
    const store = newStore();
    const { model } = withSummary(long, () => ['They climbed.', { inputTokens: 3_000, outputTokens: 20 }]);
    const result = await newEngine([agentWith(model, SMALL)], { store }).run('a', 'Climb the north face', { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    const thread = await threadOf(store, 'r');
    const { head, rest } = contextView(thread);
    expect(head.map(({ kind }) => kind)).toEqual(['summary', 'user']);
    expect(JSON.stringify(head[0])).toContain('They climbed.');
    expect(JSON.stringify(head[0])).toContain(RUN_ID);
    expect(JSON.stringify(head[1])).toContain('Climb the north face');
    expect(rest.length).toBeGreaterThan(0);
    expect(thread.filter(({ kind }) => kind === 'tool')).toHaveLength(14);
    const { items } = await store.listNotes({ tenant: 'default', run: 'r', kind: ['summary'], limit: 9 });
    expect(items[0]?.data).toMatchObject({ message: head[0]?.id });
    const summary = model.requests.find(({ tools }) => (tools ?? []).length === 0) as ScriptedRequest;
    expect(promptText(summary)).toContain('You write the summary');
    expect(promptText(summary)).toContain('calls peek');
    const steps = (await entriesOf(store, 'r')).filter((entry) => entry.type === 'step-end');
    expect(steps.find(({ usage, key }) => key.startsWith('compact:') && usage?.outputTokens === 20)).toBeDefined();
  });

  it('AGT-9: what it was summarised to holds for the next turn of the session, and is no call of the model again', async () => {
    const store = newStore();
    const { model, summariesAsked } = withSummary(long, () => 'They climbed.');
    const engine = newEngine([agentWith(model, SMALL)], { store });
    await engine.run('a', 'Climb the north face', { id: 'r1', session: { id: 's' } });
    const asked = summariesAsked();
    await engine.run('a', 'And now?', { id: 'r2', session: { id: 's' } });

    expect(asked).toBeGreaterThan(0);
    expect(summariesAsked()).toBe(asked);
    expect(promptText(model.requests.at(-1) as ScriptedRequest)).toContain('They climbed.');
    expect(promptText(model.requests.at(-1) as ScriptedRequest)).not.toContain('peek-0');
  });

  it('AGT-9: the list of what is to do stays in the summary as it was noted', async () => {
    const todo = defineTool({
      name: 'todo',
      description: 'Notes what is to do.',
      input: z.object({ items: z.array(z.string()) }),
      effect: 'repeatable',
      execute({ items }, scope) {
        scope.note('todo', items);
        return 'Noted.';
      },
    });
    const store = newStore();
    const replies = [[{ call: 'todo', input: { items: ['rope', 'chalk'] } }], ...long];
    const { model } = withSummary(replies, () => 'They climbed.');
    await newEngine([agentWith(model, SMALL, { tools: [look, peek, todo] })], { store }).run('a', 'Go', { id: 'r' });

    const [summary] = contextView(await threadOf(store, 'r')).head;
    expect(JSON.stringify(summary?.content)).toContain(String.raw`[\"rope\",\"chalk\"]`);
  });

  it('AGT-9: another model may write the summaries', async () => {
    const store = newStore();
    const { model } = withSummary(long, () => 'mine');
    const writer = scriptedModel(
      Array.from({ length: 20 }, () => 'theirs'),
      { provider: 'other' },
    );
    await newEngine([agentWith(model, { ...SMALL, summaryModel: writer })], { store }).run('a', 'Go', { id: 'r' });

    expect(writer.requests.length).toBeGreaterThan(0);
    expect(JSON.stringify(summaries(await threadOf(store, 'r')))).toContain('theirs');
    const names = (await entriesOf(store, 'r')).flatMap((entry) =>
      entry.type === 'step-end' && entry.key.startsWith('compact:') ? [entry.name] : [],
    );
    expect(new Set(names)).toEqual(new Set(['other/scripted']));
  });

  it('AGT-9: what the provider says of its tokens is what the next prompts are measured by', async () => {
    // By length the prompts are far from the limit; the provider counts four times as many.
    const counted = Array.from({ length: 4 }, (_, n): ScriptedReply => [
      { call: 'look', input: { n } },
      { inputTokens: 300 + n * 6_000, outputTokens: 10 },
    ]);
    const store = newStore();
    await newEngine([agentWith(scriptedModel([...counted, 'Done.']), { ...SMALL, limit: 16_000 })], { store }).run(
      'a',
      'Go',
      { id: 'r' },
    );
    const blind = newStore();
    await newEngine([agentWith(scriptedModel(looks(4)), { ...SMALL, limit: 16_000 })], { store: blind }).run(
      'a',
      'Go',
      { id: 'r' },
    );

    expect(await compactions(store)).toHaveLength(1);
    expect(await compactions(blind)).toEqual([]);
  });

  describe.each<[string, (request: ScriptedRequest) => ScriptedReply, string]>([
    ['fails', () => ({ reject: Object.assign(new Error('No'), { statusCode: 400, isRetryable: false }) }), 'No'],
    ['says nothing', () => '  ', 'it is empty'],
    ['makes it longer', () => 'And then, you know, '.repeat(4_000), 'longer'],
    ['is cut off by its provider', () => [{ finish: 'content-filter' }], 'it is empty'],
  ])('where whoever summarises %s', (_, summary, why) => {
    it('AGT-9: the run goes on as long as the prompt fits, and does not ask at every step', async () => {
      const store = newStore();
      const { model, summariesAsked } = withSummary(talk(12), summary);
      const early = { ...SMALL, manager: contextManager({ recentMessages: 2, trigger: 0.5, target: 0.3 }) };
      const result = await newEngine([agentWith(model, early, { limits: { modelAttempts: 1, steps: 40 } })], {
        store,
      }).run('a', 'Go', { id: 'r' });

      expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
      expect(summariesAsked()).toBe(1);
    });

    it('AGT-9: the run fails with CONTEXT_SUMMARY_FAILED once it does not, and the conversation is as it was', async () => {
      const store = newStore();
      const { model } = withSummary(talk(20), summary);
      const result = await newEngine([agentWith(model, SMALL, { limits: { modelAttempts: 2, steps: 40 } })], {
        store,
      }).run('a', 'Go', {
        id: 'r',
      });

      expect(result).toMatchObject({ status: 'failed', error: { code: 'CONTEXT_SUMMARY_FAILED' } });
      expect(JSON.stringify(result)).toContain(why);
      const thread = await threadOf(store, 'r');
      expect(thread.filter(({ compaction }) => compaction?.covers !== undefined)).toEqual([]);
    });
  });

  it('AGT-9: whoever summarises and hangs is given up after the time of a model call', async () => {
    const clock = fakeClock();
    const store = newStore({ clock });
    const agent = scriptedModel(long, { clock });
    const writer = scriptedModel(
      Array.from({ length: 9 }, (): ScriptedReply => [{ stallMs: 10_000_000 }, 'late']),
      { clock },
    );
    const engine = newEngine(
      [agentWith(agent, { ...SMALL, summaryModel: writer }, { clock, limits: { modelAttempts: 1, steps: 40 } })],
      { store, clock },
    );
    const result = await hurried(clock, engine.run('a', 'Go', { id: 'r' }));

    expect(result).toMatchObject({ status: 'failed', error: { code: 'CONTEXT_SUMMARY_FAILED' } });
  });

  it('AGT-9: a summary that is too long, but shorter than what it covers, is cut', async () => {
    const store = newStore();
    const { model } = withSummary(long, () => 'They climbed. '.repeat(300));
    const result = await newEngine([agentWith(model, SMALL)], { store }).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'completed' });
    const [summary] = contextView(await threadOf(store, 'r')).head;
    expect(JSON.stringify(summary).length).toBeLessThan(4_000);
    expect(JSON.stringify(summary)).toContain('characters left out');
  });

  it('AGT-9: where nothing can be made shorter the run fails with CONTEXT_OVERFLOW before the model is asked', async () => {
    const store = newStore();
    const model = scriptedModel(['never']);
    const result = await newEngine([agentWith(model, SMALL)], { store }).run('a', 'x'.repeat(40_000), { id: 'r' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'CONTEXT_OVERFLOW' } });
    expect(model.requests).toHaveLength(0);
  });

  it('AGT-9: with `context: false` nothing is made shorter, and a refusal of the provider is a failure', async () => {
    const model = scriptedModel([...looks(6).slice(0, 6), { reject: overflow() }]);
    const store = newStore();
    const result = await newEngine([agentWith(model, false)], { store }).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'MODEL_CALL_FAILED' } });
    expect(await compactions(store)).toEqual([]);
  });
});

describe('a prompt that its provider refuses as too long', () => {
  it('AGT-9: is made shorter once, and sent again as the same call of the model', async () => {
    const store = newStore();
    const model = scriptedModel([...looks(30).slice(0, 30), { reject: overflow() }, 'Done.']);
    const result = await newEngine([agentWith(model, {}, { limits: { steps: 31 } })], { store }).run('a', 'Go', {
      id: 'r',
    });

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await compactions(store)).toEqual([{ ok: true, value: expect.objectContaining({ did: 'trim' }) }]);
    expect(model.requests).toHaveLength(32);
    expect(promptText(model.requests[31] as ScriptedRequest).length).toBeLessThan(
      promptText(model.requests[30] as ScriptedRequest).length / 2,
    );
  });

  it('AGT-9: ends the run with CONTEXT_OVERFLOW when it is refused again', async () => {
    const store = newStore();
    const model = scriptedModel([...looks(30).slice(0, 30), { reject: overflow() }, { reject: overflow() }]);
    const result = await newEngine([agentWith(model, {})], { store }).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'CONTEXT_OVERFLOW' } });
    expect(JSON.stringify(result)).toContain('250000 tokens');
    expect(model.requests).toHaveLength(32);
  });

  it('AGT-9: ends the run at once where nothing can be made shorter', async () => {
    const model = scriptedModel([{ reject: overflow() }]);
    const result = await newEngine([agentWith(model, {})]).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'CONTEXT_OVERFLOW' } });
    expect(model.requests).toHaveLength(1);
  });
});

describe('a context manager of somebody', () => {
  const managed = (plan: ContextManager['plan']): ContextOptions => ({ limit: 5_000, manager: { name: 'odd', plan } });

  it.each<[string, ContextManager['plan']]>([
    [
      'throws',
      () => {
        throw new Error('No');
      },
    ],
    ['gives nothing', () => undefined as never],
    ['gives nonsense', () => ({ does: 'dance' }) as never],
    ['names what is not there', () => ({ does: 'trim', trims: { upTo: 'nothing', chars: 9 } })],
    [
      'parts a call from its result',
      ({ view }) =>
        view.rest.length < 3
          ? { does: 'keep' }
          : { does: 'summarise', covers: view.rest.at(-2)?.id ?? '', maxTokens: 100 },
    ],
  ])('AGT-9, I12: that %s ends the run with CONTEXT_PLAN_INVALID, and changes nothing', async (_, plan) => {
    const store = newStore();
    const result = await newEngine([agentWith(scriptedModel(looks(3)), managed(plan))], { store }).run('a', 'Go', {
      id: 'r',
    });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'CONTEXT_PLAN_INVALID' } });
    expect(summaries(await threadOf(store, 'r'))).toEqual([]);
  });

  it('AGT-9: that makes no progress is told so with CONTEXT_NO_PROGRESS', async () => {
    const store = newStore();
    const result = await newEngine(
      [
        agentWith(
          scriptedModel(looks(6)),
          managed(({ view }) => ({ does: 'trim', trims: { upTo: view.rest[0]?.id ?? '', chars: 9 } })),
        ),
      ],
      { store },
    ).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'CONTEXT_NO_PROGRESS' } });
    expect(summaries(await threadOf(store, 'r'))).toEqual([]);
  });

  it('AGT-9: may be another one on replay: what was decided stands', async () => {
    const store = newStore();
    const gate = defineTool({
      name: 'gate',
      description: 'Waits for a person.',
      input: z.object({}),
      approval: 'always',
      execute: () => 'through',
    });
    const replies = [...looks(5).slice(0, 5), [{ call: 'gate', input: {}, callId: 'g' }] as ScriptedReply, 'Done.'];
    const agent = (context: ContextOptions | false): AnyAgent =>
      agentWith(scriptedModel(replies), context, { tools: [look, gate] });
    const first = newEngine([agent(SMALL)], { store });
    const waiting = await first.run('a', 'Go', { id: 'r' });
    expect(await compactions(store)).toHaveLength(1);
    await first[Symbol.asyncDispose]();

    const [request] = (await store.listRequests({ tenant: 'default', limit: 1 })).items;
    await store.decide({ run: keyOf('r'), request: request?.id ?? '', decision: { status: 'approved' } });
    const second = newEngine([agentWith(scriptedModel(['Done.']), false, { tools: [look, gate] })], { store });

    expect(waiting.status).toBe('waiting');
    expect(await second.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Done.' });
  });
});

it('AGT-9, I1: a death at any write leaves one summary, and the same conversation', async () => {
  const replies = [...talk(13), 'Done.'];
  const agent = (): AnyAgent => {
    // Answers by what it is shown, as a model that is asked again does.
    const model = scriptedModel(
      Array.from({ length: 200 }, () => (request: ScriptedRequest) => {
        if ((request.tools ?? []).length === 0) return 'They climbed.';
        const calls = promptText(request).match(/"input":\{"n":\d+\}/g) ?? [];
        const last = Number(/\d+/.exec(calls.at(-1) ?? '')?.[0] ?? -1);
        return replies[last + 1] ?? 'Done.';
      }),
    );
    return agentWith(model, SMALL, { newId: () => 'asked' });
  };
  const live = async (store: Store) => {
    const engine = createEngine({ store, definitions: [agent() as never], limits: { parkAfterMs: 0 } });
    const result = await engine.run('a', 'Go', { id: 'r' });
    await engine[Symbol.asyncDispose]();
    return result;
  };
  const sound = newStore();
  await live(sound);
  const expected = await threadOf(sound, 'r');
  expect(summaries(expected)).toHaveLength(1);

  let points = 0;
  for (const when of ['before', 'after'] as const) {
    for (let dieAt = 1; ; dieAt += 1) {
      const clock = fakeClock();
      const store = newStore({ clock });
      const dying = dyingStore(store, dieAt, when);
      const ended = await Promise.race([live(dying.store), dying.died]);
      if (typeof ended !== 'string') break;
      points += 1;
      clock.advance(60_000); // the lease of the dead has run out

      const at = `${when} call ${dieAt}`;
      expect(await live(store), at).toMatchObject({ status: 'completed', output: 'Done.' });
      expect(await threadOf(store, 'r'), at).toEqual(expected);
      expect((await store.listNotes({ tenant: 'default', limit: 9 })).items, at).toHaveLength(1);
    }
  }
  expect(points).toBeGreaterThan(50);
});
