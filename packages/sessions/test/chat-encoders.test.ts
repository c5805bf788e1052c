import {
  emptyView,
  foldEvents,
  PLAIN_TEXT,
  PrusikError,
  type DurableContext,
  type DurableDefinition,
  type RunEvent,
} from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { readEventId, toNdjson, toSse } from '../src/index.ts';
import { engineFor } from './support.ts';

const run = { tenant: 'default', run: 'r' };
const child: DurableDefinition = {
  name: 'child',
  kind: 'function',
  version: '1',
  run: (ctx: DurableContext) => ctx.step('inner', () => 1),
};
const parent: DurableDefinition = {
  name: 'parent',
  kind: 'function',
  version: '1',
  async run(ctx: DurableContext) {
    await ctx.step('say', ({ delta }) => delta('line one\nline two \u2028'));
    await ctx.child('call', 'child', null);
    return ctx.step('last', () => 2);
  },
};

async function finishedRun() {
  const engine = engineFor([parent, child]);
  await engine.run('parent', null, { id: run.run });
  return engine;
}

const textOf = (stream: ReadableStream<Uint8Array>): Promise<string> => new Response(stream).text();

/** What an `EventSource` makes of it. */
function parseSse(text: string) {
  return text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => {
      const fields = new Map(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      return {
        type: fields.get('event') ?? 'message',
        id: fields.get('id'),
        data: JSON.parse(fields.get('data') ?? 'null'),
      };
    });
}

async function* failing(error: unknown): AsyncGenerator<RunEvent> {
  yield { run, live: true, event: { type: 'gap', dropped: 1, characters: 0 } };
  throw error;
}

describe('EVT-6: events over HTTP', () => {
  it('have an id that comes through a header, whatever the run is called', async () => {
    const named = { tenant: 'default', run: 'Läufe 走\u{1f9d7}"' };
    const engine = engineFor([parent, child]);
    await engine.run('parent', null, { id: named.run });
    const [first, , ...rest] = parseSse(await textOf(toSse(engine.events(named), { run: named })));

    const headers = new Headers({ 'last-event-id': String(first?.id) });
    const after = readEventId(headers.get('last-event-id')) ?? {};
    expect(after).toEqual({ [named.run]: 1 });
    expect(parseSse(await textOf(toSse(engine.events(named, { after }), { run: named, after }))).slice(1)).toEqual(
      rest,
    );
  });

  it('are server-sent events, with an id that goes on after each committed one, for every run of a tree', async () => {
    const engine = await finishedRun();
    const all = parseSse(await textOf(toSse(engine.events(run, { tree: true }), { run })));
    expect(all.at(-1)).toMatchObject({ type: 'end' });
    const events = all.slice(0, -1);
    const view = foldEvents(
      emptyView(run),
      events.map(({ data }) => data as RunEvent),
    );
    expect(view.runs['r']).toMatchObject({ status: 'completed', output: 2 });
    for (const [at, { id, data }] of events.entries()) {
      expect(id === undefined).toBe((data as RunEvent).live);
      if (id === undefined) continue;
      const after = readEventId(id) ?? {};
      const rest = parseSse(await textOf(toSse(engine.events(run, { tree: true, after }), { run, after }))).slice(
        0,
        -1,
      );
      expect(rest.map((one) => one.id)).toEqual(events.slice(at + 1).map((one) => one.id));
    }
  });

  it('are lines of JSON', async () => {
    const engine = await finishedRun();
    const lines = (await textOf(toNdjson(engine.events(run)))).trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as RunEvent);
    expect(foldEvents(emptyView(run), events).runs['r']).toMatchObject({ status: 'completed', output: 2 });
  });

  it('ERR-1: that end with an error say its code, and nothing of what a foreign error says', async () => {
    const closed = new PrusikError('ENGINE_CLOSED', 'The engine is closed', { retryable: true });
    const sse = parseSse(await textOf(toSse(failing(closed), { run })));
    expect(sse.slice(1).map(({ type, data }) => [type, data])).toEqual([
      ['failure', { code: 'ENGINE_CLOSED', retryable: true }],
      ['end', {}],
    ]);
    const ndjson = await textOf(toNdjson(failing(new Error('secret'))));
    expect(ndjson).toContain('{"failure":{"code":"UNKNOWN_ERROR","retryable":false}}');
    expect(ndjson).not.toContain('secret');
  });

  it('I6: are read as fast as they are taken, and a reader that goes away closes them', async () => {
    let made = 0;
    let closed = false;
    const events: AsyncIterator<RunEvent> = {
      async next() {
        made += 1;
        const delta = {
          type: 'step-delta',
          key: 's',
          epoch: 1,
          attempt: 1,
          block: PLAIN_TEXT,
          offset: 0,
          text: 'x',
          joined: 1,
        } as const;
        return { done: false, value: { run, live: true, event: delta } };
      },
      async return() {
        closed = true;
        return { done: true, value: undefined };
      },
    };
    const reader = toSse(events, { run }).getReader();
    await reader.read();
    await new Promise(setImmediate);
    expect(made).toBeLessThanOrEqual(3);
    await reader.cancel();
    expect(closed).toBe(true);
  });

  it('give a sign of life while nothing happens, again and again', async () => {
    const clock = fakeClock();
    const quiet: AsyncIterator<RunEvent> = { next: () => new Promise(() => {}) };
    for (const [stream, sign] of [
      [toSse(quiet, { run, clock, keepAliveMs: 1_000 }), ': keep-alive\n\n'],
      [toNdjson(quiet, { clock, keepAliveMs: 1_000 }), '\n'],
    ] as const) {
      const reader = stream.getReader();
      for (let n = 0; n < 3; n += 1) {
        const next = reader.read();
        await new Promise(setImmediate);
        clock.advance(1_000);
        expect(new TextDecoder().decode((await next).value)).toBe(sign);
      }
      await reader.cancel();
    }
  });

  it('are not gone on with after an id that is none', () => {
    expect(readEventId(null)).toBeUndefined();
    expect(readEventId('')).toBeUndefined();
    for (const id of ['7', 'x', '[]', '{"r":-1}', '{"r":"1"}', 'null', '{"Läufe":1}'])
      expect(() => readEventId(id), id).toThrow(TypeError);
  });
});
