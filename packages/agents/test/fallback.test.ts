import { fakeClock } from '@prusik/testing-contracts';
import type { RunEvent } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bindModels, defineAgent, defineTool, modelRegistry, type ModelSpec, type ReplyRecord } from '../src/index.ts';
import { finish, httpError, streamModel, text } from './stream-model.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, threadOf } from './support.ts';

const look = defineTool({
  name: 'look',
  description: 'Looks.',
  input: z.object({}),
  effect: 'repeatable',
  execute: () => 'seen',
});

const connectionReset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

/** A run of an agent whose model is `main` of this registry, while time runs away. */
async function play(
  main: ModelSpec<'main'>,
  more: { readonly agent?: object; readonly start?: object; readonly options?: object } = {},
) {
  const clock = fakeClock();
  const store = newStore({ clock });
  const registry = modelRegistry({ main }, more.options);
  const agent = bindModels(
    defineAgent({ name: 'a', instructions: '', model: 'main', tools: [look], clock, ...more.agent }),
    registry,
  );
  const engine = newEngine([agent], { store, clock });
  await engine.start('a', 'Go', { id: 'r', ...more.start });
  const events: RunEvent[] = [];
  const heard = (async () => {
    for await (const event of engine.events(keyOf('r'))) events.push(event);
  })();
  const result = await hurried(clock, engine.drive(keyOf('r')));
  await heard;
  const entries = await entriesOf(store, 'r');
  const ends = entries.flatMap((entry) => (entry.type === 'step-end' && entry.kind === 'model' ? [entry] : []));
  const records = ends.map(({ outcome }) => (outcome.ok ? (outcome.value as unknown as ReplyRecord) : undefined));
  return { result, events, entries, ends, records, store, clock, thread: await threadOf(store, 'r') };
}

/** What a reader sees of each attempt, in order. */
function seen(events: readonly RunEvent[]): readonly string[] {
  const attempts = new Map<string, string>();
  for (const { live, event } of events.flatMap((one) => (one.live ? [one] : []))) {
    if (!live || event.type === 'gap') continue;
    const key = `${event.key}#${event.attempt}`;
    attempts.set(key, (attempts.get(key) ?? '') + (event.type === 'step-delta' ? event.text : ''));
  }
  return [...attempts].map(([key, said]) => `${key} ${said}`);
}

describe('AGT-7: another model answers when one fails', () => {
  it('asks the next one within the same step, before anything was said, and records who answered', async () => {
    const a = streamModel('a:m1', [httpError(503)]);
    const b = streamModel('b:m2', [[...text('Hello'), finish('stop', 10, 2)]]);

    const { result, ends, records } = await play({ model: a, fallbacks: [b] });

    expect(result).toMatchObject({ status: 'completed', output: 'Hello' });
    expect(ends).toHaveLength(1);
    expect(records[0]?.by).toEqual({ model: 'b/m2', failed: [{ model: 'a/m1', class: 'overloaded' }] });
    expect(ends[0]).toMatchObject({ attempt: 1, usage: { inputTokens: 10, outputTokens: 2 } });
  });

  it.each([
    [httpError(401), false],
    [httpError(400), false],
    [httpError(429), true],
    [httpError(500), true],
    [connectionReset, true],
    [httpError(400, { responseBody: '{"error":{"code":"context_length_exceeded"}}' }), false],
  ])('by default only for failures that say nothing about the request: %o', async (error, asks) => {
    const b = streamModel('b:m2', [[...text('Hello'), finish()]]);

    await play({ model: streamModel('a:m1', [error]), fallbacks: [b] }, { agent: { limits: { modelAttempts: 1 } } });

    expect(b.asked.length > 0).toBe(asks);
  });

  it('asks the next one after a refusal or a key that is wrong where it is told to', async () => {
    const refusing = streamModel('a:m1', [[finish('content-filter')]]);
    const keyless = streamModel('b:m2', [httpError(401)]);
    const c = streamModel('c:m3', [[...text('Gladly'), finish()]]);

    const { result, records } = await play({ model: refusing, fallbacks: [keyless, c], on: ['refused', 'auth'] });

    expect(result).toMatchObject({ status: 'completed', output: 'Gladly' });
    expect(records[0]?.by?.failed).toEqual([
      { model: 'a/m1', class: 'refused' },
      { model: 'b/m2', class: 'auth' },
    ]);
  });

  it('voids what was seen of the one that failed before the next one speaks, and keeps nothing of it', async () => {
    const a = streamModel('a:m1', [
      [{ type: 'text-start', id: '0' }, { type: 'text-delta', id: '0', delta: 'Wrong' }, { fail: connectionReset }],
    ]);
    const b = streamModel('b:m2', [[...text('Right'), finish('stop', 10, 2)]]);

    const { events, thread, ends } = await play({ model: a, fallbacks: [b] });

    expect(seen(events)).toEqual(['model:1#1 Wrong', 'model:1#2 Right']);
    expect(thread.at(-1)?.content).toEqual([{ type: 'text', text: 'Right' }]);
    // What the broken call took is measured, added, and marked.
    expect(ends[0]?.usage).toMatchObject({ estimated: true, outputTokens: expect.any(Number) });
    expect(ends[0]?.usage?.inputTokens).toBeGreaterThan(10);
  });

  it('AGT-8: keeps what was seen, and asks nobody, where resets are turned off', async () => {
    const a = streamModel('a:m1', [
      [{ type: 'text-start', id: '0' }, { type: 'text-delta', id: '0', delta: 'Half' }, { fail: connectionReset }],
    ]);
    const b = streamModel('b:m2', [[...text('Right'), finish()]]);

    const { result, thread, events } = await play({ model: a, fallbacks: [b] }, { agent: { resets: [] } });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'MODEL_CALL_FAILED' } });
    expect(thread.at(-1)?.content).toEqual([{ type: 'text', text: 'Half' }]);
    expect(seen(events)).toEqual(['model:1#1 Half']);
    expect(b.asked).toHaveLength(0);
  });

  it('never hands what one provider attached to another, and gives it back to its own', async () => {
    const signed = (who: string) => ({ [who]: { signature: `${who}-secret` } });
    const a = streamModel('a:m1', [
      [
        { type: 'reasoning-start', id: 'r' },
        { type: 'reasoning-delta', id: 'r', delta: 'Thinking of a' },
        { type: 'reasoning-end', id: 'r', providerMetadata: signed('a') },
        { type: 'text-start', id: 't', providerMetadata: signed('a') },
        { type: 'text-delta', id: 't', delta: 'Looking' },
        { type: 'text-end', id: 't' },
        { type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: '{}', providerMetadata: signed('a') },
        finish('tool-calls'),
      ],
      httpError(503),
      [...text('Done by a'), finish()],
    ]);
    const b = streamModel('b:m2', [
      [
        { type: 'reasoning-start', id: 'r' },
        { type: 'reasoning-delta', id: 'r', delta: 'Thinking of b' },
        { type: 'reasoning-end', id: 'r', providerMetadata: signed('b') },
        { type: 'tool-call', toolCallId: 'c2', toolName: 'look', input: '{}', providerMetadata: signed('b') },
        finish('tool-calls'),
      ],
    ]);

    const { result } = await play({ model: a, fallbacks: [b] });

    expect(result).toMatchObject({ status: 'completed', output: 'Done by a' });
    const told = (call: { readonly options: { readonly prompt: unknown } } | undefined): string =>
      JSON.stringify(call?.options.prompt);
    expect(told(b.asked[0])).toContain('Looking');
    expect(told(b.asked[0])).not.toMatch(/a-secret|Thinking of a/);
    expect(told(a.asked[2])).toMatch(/a-secret.*Thinking of a|Thinking of a.*a-secret/);
    expect(told(a.asked[2])).not.toMatch(/b-secret|Thinking of b/);
  });

  it('keeps the vendors behind one gateway apart', async () => {
    const first = streamModel('gateway:x/m1', [
      [
        { type: 'reasoning-start', id: 'r' },
        { type: 'reasoning-delta', id: 'r', delta: 'Thinking of x' },
        { type: 'reasoning-end', id: 'r', providerMetadata: { x: { signature: 'x-secret' } } },
        { type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: '{}' },
        finish('tool-calls'),
      ],
      httpError(503),
    ]);
    const second = streamModel('gateway:y/m1', [[...text('Done'), finish()]]);

    await play({ model: first, fallbacks: [second] });

    expect(JSON.stringify(second.asked[0]?.options.prompt)).not.toMatch(/x-secret|Thinking of x/);
  });

  it('fails with the error that says best when to ask again when all have failed', async () => {
    const a = streamModel('a:m1', [
      httpError(429, { responseHeaders: { 'retry-after': '7' } }),
      [...text('Later'), finish()],
    ]);
    const b = streamModel('b:m2', [httpError(500)]);

    const { result, entries, ends } = await play(
      { model: a, fallbacks: [b] },
      { agent: { limits: { modelAttempts: 1 } } },
    );

    expect(result).toMatchObject({ status: 'completed', output: 'Later' });
    expect(ends).toHaveLength(1);
    expect(a.asked).toHaveLength(2);
    expect(entries.filter(({ type }) => type === 'step-pause')).toHaveLength(0);
  });

  it('asks nobody else when the time of the run is over', async () => {
    const b = streamModel('b:m2', [[...text('No'), finish()]]);
    const limits = { wallMs: 60_000, modelStallMs: 100_000 };

    const { result } = await play({ model: streamModel('a:m1', [[]]), fallbacks: [b] }, { agent: { limits } });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'AGENT_TIME_LIMIT' } });
    expect(b.asked).toHaveLength(0);
  });

  it('is asked with its own settings, beneath those of the agent', async () => {
    const a = streamModel('a:m1', [httpError(503)]);
    const b = streamModel('b:m2', [[...text('Hello'), finish()]]);
    const own = { temperature: 1, topP: 0.5, headers: { x: 'main' }, providerOptions: { a: { fast: true, deep: 1 } } };
    const others = { temperature: 0.2, headers: { x: 'other', y: '1' } };
    const settings = { topP: 0.9, headers: { x: 'agent' }, providerOptions: { a: { deep: 2 } } };
    const clock = fakeClock();
    const registry = modelRegistry({
      main: { model: a, fallbacks: ['other'], settings: own },
      other: { model: b, settings: others },
    });
    const agent = bindModels(defineAgent({ name: 'a', instructions: '', model: 'main', settings, clock }), registry);

    await newEngine([agent], { clock, store: newStore({ clock }) }).run('a', 'Go');

    expect(a.asked[0]?.options).toMatchObject({
      temperature: 1,
      topP: 0.9,
      headers: expect.objectContaining({ x: 'agent' }),
      providerOptions: { a: { fast: true, deep: 2 } },
    });
    expect(b.asked[0]?.options).toMatchObject({
      temperature: 0.2,
      topP: 0.9,
      headers: expect.objectContaining({ x: 'agent', y: '1' }),
      providerOptions: { a: { deep: 2 } },
    });
  });

  it('asks nobody else when the run is cancelled in the middle, keeps the text and what it took', async () => {
    const b = streamModel('b:m2', [[...text('No'), finish()]]);
    const a = streamModel('a:m1', [
      [
        { type: 'text-start', id: '0' },
        { type: 'text-delta', id: '0', delta: 'Half' },
      ],
    ]);
    const clock = fakeClock();
    const store = newStore({ clock });
    const agent = bindModels(
      defineAgent({ name: 'a', instructions: '', model: 'main', clock }),
      modelRegistry({ main: { model: a, fallbacks: [b] } }),
    );
    const engine = newEngine([agent], { store, clock });
    await engine.start('a', 'Go', { id: 'r' });
    const running = engine.drive(keyOf('r'));
    for await (const event of engine.events(keyOf('r'))) if (event.live && event.event.type === 'step-delta') break;

    await engine.cancel(keyOf('r'));

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect((await threadOf(store, 'r')).at(-1)?.content).toEqual([{ type: 'text', text: 'Half' }]);
    const end = (await entriesOf(store, 'r')).find(({ type }) => type === 'step-end');
    expect(end).toMatchObject({
      usage: { estimated: true, inputTokens: expect.any(Number), outputTokens: expect.any(Number) },
    });
    expect(b.asked).toHaveLength(0);
    expect(a.asked[0]?.cancelled).toBeDefined();
  });
});

describe('AGT-15: a tap on the raw events of a provider', () => {
  it('hears them while they come, with the call that they are of, and nothing of them is stored', async () => {
    const heard: unknown[] = [];
    const secret = { chunk: 'only-for-the-tap' };
    const a = streamModel('a:m1', [[{ type: 'raw', rawValue: secret }, { fail: connectionReset }]]);
    const b = streamModel('b:m2', [[{ type: 'raw', rawValue: secret }, ...text('Hi'), finish()]]);

    const { result, entries, thread } = await play(
      { model: a, fallbacks: [b] },
      { agent: { onRaw: (event: unknown) => void heard.push(event) } },
    );

    expect(result).toMatchObject({ status: 'completed', output: 'Hi' });
    const place = { run: keyOf('r'), step: 'model:1', attempt: 1 };
    expect(heard).toEqual([
      { model: 'a/m1', value: secret, ...place },
      { model: 'b/m2', value: secret, ...place },
    ]);
    expect(JSON.stringify([entries, thread])).not.toContain('only-for-the-tap');
  });
});

describe('AGT-7: a breaker', () => {
  it('passes over a model that failed again and again, until a call may try it again', async () => {
    const clock = fakeClock();
    const a = streamModel('a:m1', [httpError(500), httpError(500), [...text('By a'), finish()]]);
    const b = streamModel('b:m2', [[...text('By b'), finish()]]);
    const registry = modelRegistry(
      { main: { model: a, fallbacks: [b] } },
      { breaker: { failures: 2, openMs: 30_000 } },
    );
    const agent = bindModels(defineAgent({ name: 'a', instructions: '', model: 'main', clock }), registry);
    const engine = newEngine([agent], { clock, store: newStore({ clock }) });
    const ask = async () => hurriedOutput(await engine.run('a', 'Go'));

    expect([await ask(), await ask(), await ask()]).toEqual(['By b', 'By b', 'By b']);
    expect(a.asked).toHaveLength(2);
    clock.advance(30_000);

    expect(await ask()).toBe('By a');
    expect(a.asked).toHaveLength(3);
  });

  it('refuses a call at once where all are passed over, and the run waits without using up an attempt', async () => {
    const a = streamModel('a:m1', [httpError(500), [...text('Back'), finish()]]);

    const { result, ends } = await play(
      { model: a },
      { agent: { limits: { modelAttempts: 2 } }, options: { breaker: { failures: 1, openMs: 15_000 } } },
    );

    expect(result).toMatchObject({ status: 'completed', output: 'Back' });
    expect(a.asked).toHaveLength(2);
    expect(ends[0]?.attempt).toBeGreaterThan(2);
  });

  it('tells by its code that a model is left alone, where nobody waits', async () => {
    const a = streamModel('a:m1', [httpError(500)]);

    const { result } = await play(
      { model: a },
      { agent: { limits: { modelAttempts: 5 } }, options: { breaker: { failures: 1, openMs: 4_000_000 } } },
    );

    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'MODEL_UNAVAILABLE', retryable: true, meta: { class: 'unavailable', models: ['a/m1'] } },
    });
    expect(a.asked).toHaveLength(1);
  });

  it('is not opened by requests that no model would take', async () => {
    const a = streamModel('a:m1', [httpError(400), [...text('Fine'), finish()]]);
    const registry = modelRegistry({ main: a }, { breaker: { failures: 1 } });
    const agent = bindModels(defineAgent({ name: 'a', instructions: '', model: 'main' }), registry);
    const engine = newEngine([agent]);

    expect(await engine.run('a', 'Go')).toMatchObject({ status: 'failed', error: { meta: { class: 'invalid' } } });
    expect(await engine.run('a', 'Go')).toMatchObject({ status: 'completed', output: 'Fine' });
  });
});

const hurriedOutput = (result: { readonly status: string; readonly output?: unknown }): unknown =>
  result.status === 'completed' ? result.output : result;
