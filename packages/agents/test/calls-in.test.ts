import type { CallNeed } from '@prusik/core';
import { fakeClock, scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { callNeeds, callsIn, defineAgent, defineTool } from '../src/index.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, waitingOn } from './support.ts';

const input = z.object({ n: z.number() });

describe('REQ-4: where the calls of a reply stand can be read from the journal', () => {
  it('says which waits for a person, which is in doubt, which was refused and which is closed', async () => {
    const look = defineTool({
      name: 'look',
      description: 'Looks.',
      input,
      effect: 'repeatable',
      execute: () => 'seen',
    });
    const publish = defineTool({
      name: 'publish',
      description: 'Publishes.',
      input,
      approval: 'always',
      execute: () => 1,
    });
    const lost = defineTool({
      name: 'lost',
      description: 'Never settles.',
      input,
      timeoutMs: 1_000,
      inDoubt: 'ask',
      execute: () => new Promise(() => {}),
    });
    const calls = [
      { call: 'publish', input: { n: 1 }, callId: 'c1' },
      { call: 'look', input: { n: 2 }, callId: 'c2' },
      { call: 'publish', input: { n: 3 }, callId: 'c3' },
      { call: 'lost', input: { n: 4 }, callId: 'c4' },
    ];
    const clock = fakeClock();
    const store = newStore();
    const agent = (second: typeof calls) =>
      defineAgent({
        name: 'a',
        instructions: '',
        model: scriptedModel([calls, second, 'Done.']),
        tools: [look, publish, lost],
      });
    const engine = newEngine([agent([])], { store, clock });
    const stages = async () => callsIn(await entriesOf(store, 'r')).map(({ callId, at }) => `${callId} ${at}`);
    const running = engine.run('a', 'Go', { id: 'r' });
    await expect.poll(stages).toEqual(['c1 asked', 'c2 closed', 'c3 asked', 'c4 executing']);

    expect(await hurried(clock, running)).toMatchObject({ status: 'blocked' });

    expect(await stages()).toEqual(['c1 asked', 'c2 closed', 'c3 asked', 'c4 executing']);
  });

  it('REQ-6: a call is suspended from its outcome on until the last that it needs is answered, and may go on then', async () => {
    const book = defineTool({
      name: 'book',
      description: 'Books.',
      input,
      execute: (_, { answers }) =>
        answers === undefined
          ? callNeeds({
              rope: { kind: 'question', body: {} },
              account: { kind: 'sign-in', body: {} },
              word: { kind: 'sample', model: 'none', maxTokens: 1, messages: [{ role: 'user', content: ['?'] }] },
            })
          : 'booked',
    });
    const model = scriptedModel([[{ call: 'book', input: { n: 1 }, callId: 'c:1' }], 'Done.']);
    const store = newStore();
    const engine = newEngine([defineAgent({ name: 'a', instructions: '', model, tools: [book] })], { store });
    const [first = '', second = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await engine.decide(keyOf('r'), second, { status: 'answered' });
    await engine.drive(keyOf('r'));
    await engine.decide(keyOf('r'), first, { status: 'answered', value: 'red' });
    await engine.drive(keyOf('r'));

    const entries = await entriesOf(store, 'r');
    const told = entries.map((_, n) => callsIn(entries.slice(0, n + 1))[0]?.at);
    const stages = told.filter((at, n) => at !== undefined && at !== told[n - 1]);
    expect(stages).toEqual(['allowed', 'executing', 'suspended', 'allowed', 'executing', 'closed']);
    const answered = entries.flatMap((entry, n) => (entry.type === 'wait-end' ? [told[n]] : []));
    expect(answered).toEqual(['suspended', 'allowed']);
  });

  it('REQ-6: needs that are too large for the journal are needs all the same', async () => {
    const body = { text: 'x'.repeat(60_000) };
    const names = Array.from({ length: 8 }, (_, n) => `need ${n}`);
    const needs = Object.fromEntries(names.map((name): [string, CallNeed] => [name, { kind: 'question', body }]));
    const book = defineTool({
      name: 'book',
      description: 'Books.',
      input,
      execute: (_, { answers }) => (answers === undefined ? callNeeds(needs) : 'booked'),
    });
    const model = scriptedModel([[{ call: 'book', input: { n: 1 }, callId: 'c1' }], 'Done.']);
    const store = newStore();
    const engine = newEngine([defineAgent({ name: 'a', instructions: '', model, tools: [book] })], { store });
    for (const request of waitingOn(await engine.run('a', 'Go', { id: 'r' })))
      await engine.decide(keyOf('r'), request, { status: 'answered', value: 1 });
    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    const entries = await entriesOf(store, 'r');
    const told = entries.map((_, n) => callsIn(entries.slice(0, n + 1))[0]?.at);
    const stages = told.filter((at, n) => at !== undefined && at !== told[n - 1]);
    expect(stages).toEqual(['allowed', 'executing', 'suspended', 'executing', 'closed']);
  });

  it('follows decisions until every call is closed, and then tells of the next reply', async () => {
    const publish = defineTool({
      name: 'publish',
      description: 'Publishes.',
      input,
      approval: 'always',
      execute: () => 1,
    });
    const call = (callId: string) => ({ call: 'publish', input: { n: 1 }, callId });
    const model = scriptedModel([[call('c1'), call('c2')], [call('c3')], 'Done.']);
    const store = newStore();
    const engine = newEngine([defineAgent({ name: 'a', instructions: '', model, tools: [publish] })], { store });
    const stages = async () => callsIn(await entriesOf(store, 'r')).map(({ callId, at }) => `${callId} ${at}`);
    const [first, second] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));

    await engine.decide(keyOf('r'), first ?? '', { status: 'approved' });
    await engine.drive(keyOf('r'));
    expect(await stages()).toEqual(['c1 closed', 'c2 asked']);

    await engine.decide(keyOf('r'), second ?? '', { status: 'rejected' });
    const [third] = waitingOn(await engine.drive(keyOf('r')));
    expect(await stages()).toEqual(['c3 asked']);

    const entries = await entriesOf(store, 'r');
    const decided = entries.findLastIndex(({ type }) => type === 'wait-end');
    expect(callsIn(entries.slice(0, decided + 1)).map(({ at }) => at)).toEqual(['closed', 'settled']);
    await engine.decide(keyOf('r'), third ?? '', { status: 'approved' });
    expect(await engine.drive(keyOf('r'))).toMatchObject({ output: 'Done.' });
    expect(await stages()).toEqual([]);
  });
});
