import { setTimeout as delay } from 'node:timers/promises';
import type { PrusikError } from '@prusik/core';
import { createSessions, type HistoryQuery } from '@prusik/sessions';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import { asker, engineFor, talker, textsOf } from './support.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
describe('a session', () => {
  it('SES-3: is a conversation: each run sees the messages of those before it', async () => {
    const definition = talker();
    const session = await createSessions(engineFor([definition])).open('chat');

    await session.run(definition, 'one');
    const second = await session.run(definition, 'two');

    expect(second).toMatchObject({ status: 'completed', output: 'answer 3' });
    expect(textsOf((await session.history()).messages)).toEqual(['one', 'answer 1', 'two', 'answer 3']);
  });

  it("SES-4: the user's message is stored before the model is called", async () => {
    const stored: string[][] = [];
    const definition = talker(async () => void stored.push(textsOf((await session.history()).messages)));
    const session = await createSessions(engineFor([definition])).open('chat');

    await session.run(definition, 'one');

    expect(stored).toEqual([['one']]);
  });

  it('SES-3: gives its history in pages, backwards and forwards, without a gap or a repeat', async () => {
    const definition = talker();
    const session = await createSessions(engineFor([definition])).open('chat');
    for (const input of ['a', 'b', 'c']) await session.run(definition, input);

    const backwards: number[][] = [];
    let page = await session.history({ limit: 4 });
    backwards.push(page.messages.map(({ n }) => n));
    while (page.next) {
      page = await session.history(page.next);
      backwards.push(page.messages.map(({ n }) => n));
    }
    const forwards: number[] = [];
    let next: HistoryQuery | undefined = { after: 0, limit: 4 };
    while (next) {
      page = await session.history(next);
      forwards.push(...page.messages.map(({ n }) => n));
      next = page.next;
    }

    expect(backwards).toEqual([
      [3, 4, 5, 6],
      [1, 2],
    ]);
    expect(forwards).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('SES-3: refuses a page that is no page', async () => {
    const session = await createSessions(engineFor([])).open('chat');

    await expect(session.history({ limit: 0 })).rejects.toThrow(TypeError);
    await expect(session.history({ limit: 1_001 })).rejects.toThrow(TypeError);
    await expect(session.history({ before: 1, after: 1 })).rejects.toThrow(TypeError);
  });

  it('SES-3: gives the last turns over many pages of history', async () => {
    const definition = talker();
    const session = await createSessions(engineFor([definition])).open('chat');
    for (let n = 0; n < 60; n += 1) await session.run(definition, `${n}`);

    const window = await session.window({ turns: 55 });

    expect(window.truncated).toBe(true);
    expect(window.messages.map(({ n }) => n)).toEqual(Array.from({ length: 110 }, (_, index) => index + 11));
    expect((await session.window()).messages).toHaveLength(120);
  });
});

describe('a session that is held', () => {
  it('SES-1: refuses another message and says by which run, in which state, with which requests', async () => {
    const session = await createSessions(engineFor([asker])).open('chat');
    await session.run(asker, 'one', { id: 'first' });
    const requests = await session.activeRun();

    const refused = await session.start(asker, 'two').catch((error: unknown) => error);

    expect(requests?.key.run).toBe('first');
    expect(refused).toMatchObject({
      code: 'SESSION_BUSY',
      retryable: true,
      meta: { runId: 'first', status: 'waiting', requestIds: [expect.any(String)] },
    });
  });

  it('SES-1: refuses ten thousand times and keeps nothing of it', async () => {
    const store = memoryStore();
    const session = await createSessions(engineFor([asker], store)).open('chat');
    await session.run(asker, 'one', { id: 'first' });

    const codes = new Set<unknown>();
    for (let n = 0; n < 10_000; n += 1)
      await session.start(asker, 'two', { id: `refused ${n}` }).catch((error: PrusikError) => codes.add(error.code));

    expect(codes).toEqual(new Set(['SESSION_BUSY']));

    const { items } = await store.listRuns({ tenant: 'default', session: 'chat', limit: 1_000 });
    expect(items.map((run) => run.key.run)).toEqual(['first']);
    expect((await session.history()).messages).toHaveLength(1);
    expect((await store.session(session.key))?.queue).toEqual([]);
  });

  it('SES-1: queues by choice, and the next message enters the conversation when its run may begin', async () => {
    const definition = talker();
    const engine = engineFor([asker, definition]);
    const session = await createSessions(engine).open('chat');
    const first = await session.run(asker, 'one');

    const queued = await session.run(definition, 'two', { id: 'second', whenBusy: 'queue' });
    expect(queued.status).toBe('waiting');
    expect(textsOf((await session.history()).messages)).toEqual(['one']);
    const [request] = first.status === 'waiting' ? first.requests : [];
    await engine.decide(first.run, request?.request ?? '', { status: 'answered', value: true });
    await engine.drive(first.run);

    expect(await engine.drive(queued.run)).toMatchObject({ status: 'completed' });
    expect(textsOf((await session.history()).messages)).toEqual(['one', 'two', 'answer 2']);
  });

  it('SES-1: is free again once its run is cancelled', async () => {
    const engine = engineFor([asker]);
    const session = await createSessions(engine).open('chat');
    const first = await session.run(asker, 'one');

    expect(await session.cancel('changed my mind')).toMatchObject({ outcome: 'delivered' });
    expect(await engine.drive(first.run)).toMatchObject({ status: 'cancelled' });

    expect(await session.activeRun()).toBeUndefined();
    expect(await session.cancel()).toBeUndefined();
    expect(await session.run(asker, 'two')).toMatchObject({ status: 'waiting' });
  });

  it('SES-7: the same id and input again is the recorded run; other input is refused', async () => {
    let calls = 0;
    const definition = talker(() => void (calls += 1));
    const session = await createSessions(engineFor([definition])).open('chat');

    const first = await session.run(definition, 'one', { id: 'delivery 7' });
    const again = await session.run(definition, 'one', { id: 'delivery 7' });

    expect(again).toEqual(first);
    expect(calls).toBe(1);
    await expect(session.run(definition, 'two', { id: 'delivery 7' })).rejects.toMatchObject({
      code: 'RUN_INPUT_MISMATCH',
    });
    expect((await session.history()).messages).toHaveLength(2);
  });

  it('SES-7: sessions of two tenants with one name share nothing', async () => {
    const definition = talker();
    const sessions = createSessions(engineFor([definition]));
    const [ours, theirs] = [await sessions.open('chat'), await sessions.open('chat', { tenant: 'theirs' })];

    await ours.run(definition, 'one', { id: 'same' });
    await theirs.run(definition, 'two', { id: 'same' });

    expect(textsOf((await ours.history()).messages)).toEqual(['one', 'answer 1']);
    expect(textsOf((await theirs.history()).messages)).toEqual(['two', 'answer 1']);
  });

  it('EVT-2: a reader comes back to a run with its cursor and misses nothing', async () => {
    const definition = talker();
    const sessions = createSessions(engineFor([definition]));
    const session = await sessions.open('chat');
    await session.run(definition, 'one', { id: 'first' });
    const all = await collect(session.events('first'));

    const rest = await collect(session.events('first', { after: 2 }));

    expect(all.map((event) => event.live)).not.toContain(true);
    expect(rest).toEqual(all.slice(2));
    const other = await sessions.open('other');
    await expect(collect(other.events('first'))).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
  });

  it('I6: a reader of a session is closed while it waits for the next event', async () => {
    const definition = talker();
    const session = await createSessions(engineFor([definition])).open('chat');
    await session.start(definition, 'one', { id: 'first' });
    const reader = session.events('first');
    await reader.next();
    const waits = reader.next();

    await reader.return?.();

    expect(await waits).toEqual({ done: true, value: undefined });
  });
});

describe('opening sessions', () => {
  it('SES-2: concurrent openers share one opening', async () => {
    let openings = 0;
    const sessions = createSessions(engineFor([]), { open: () => delay(1, { number: (openings += 1) }) });

    const [a, b] = await Promise.all([sessions.open('chat'), sessions.open('chat')]);
    const other = await sessions.open('other');

    expect([a.resources.number, b.resources.number, other.resources.number]).toEqual([1, 1, 2]);
  });

  it('SES-2: an opening that failed is forgotten', async () => {
    let attempts = 0;
    const sessions = createSessions(engineFor([]), {
      open: () => {
        attempts += 1;
        if (attempts === 1) throw new Error('no room');
        return 'room';
      },
    });

    const first = await Promise.allSettled([sessions.open('chat'), sessions.open('chat')]);

    expect(first.map((result) => result.status)).toEqual(['rejected', 'rejected']);
    expect((await sessions.open('chat')).resources).toBe('room');
  });

  it('I8: resources are disposed when the last user has left, once, and made again for the next', async () => {
    const log: string[] = [];
    const sessions = createSessions(engineFor([]), {
      open: ({ session }) => {
        log.push(`open ${session}`);
        return { [Symbol.asyncDispose]: async () => void log.push(`close ${session}`) };
      },
    });
    const [a, b] = [await sessions.open('chat'), await sessions.open('chat')];

    await a[Symbol.asyncDispose]();
    await a[Symbol.asyncDispose]();
    expect(log).toEqual(['open chat']);
    await b[Symbol.asyncDispose]();
    await sessions.open('chat');

    expect(log).toEqual(['open chat', 'close chat', 'open chat']);
  });

  it('DEF-5: disposal goes in reverse order, past failures, and tells all of them', async () => {
    const log: string[] = [];
    const sessions = createSessions(engineFor([]), {
      open: ({ session }) => ({
        [Symbol.dispose]() {
          log.push(session);
          if (session !== 'b') throw new Error(`stuck ${session}`);
        },
      }),
    });
    for (const id of ['a', 'b', 'c']) await sessions.open(id);

    const error: unknown = await sessions[Symbol.asyncDispose]().then(
      () => undefined,
      (reason: unknown) => reason,
    );

    expect(log).toEqual(['c', 'b', 'a']);
    expect(error).toMatchObject({
      code: 'CLEANUP_FAILED',
      meta: { failed: ['["default","c"]', '["default","a"]'] },
      cause: { errors: [new Error('stuck c'), new Error('stuck a')] },
    });
    await expect(sessions.open('d')).rejects.toMatchObject({ code: 'SESSIONS_CLOSED' });
  });

  it('get() finds only what is stored', async () => {
    const definition = talker();
    const sessions = createSessions(engineFor([definition]), { newId: () => 'made-up' });

    expect(await sessions.get('chat')).toBeUndefined();
    await (await sessions.open('chat')).run(definition, 'one');

    expect((await sessions.get('chat'))?.key).toEqual({ tenant: 'default', session: 'chat' });
    expect((await sessions.open()).key.session).toBe('made-up');
    await expect(sessions.open('')).rejects.toThrow(TypeError);
  });
});
