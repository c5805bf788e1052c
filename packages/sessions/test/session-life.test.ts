import type { DurableContext, DurableDefinition, Store } from '@prusik/core';
import { createSessions } from '@prusik/sessions';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import { asker, engineFor, message, talker, textsOf } from './support.ts';

const chat = { tenant: 'default', session: 'chat' } as const;

/** Goes on for as long as the test wants, whatever it is told. */
function stubborn(): {
  readonly definition: DurableDefinition<string, null>;
  readonly began: Promise<void>;
  end(): void;
} {
  const began = Promise.withResolvers<void>();
  const ends = Promise.withResolvers<void>();
  return {
    began: began.promise,
    end: () => ends.resolve(),
    definition: {
      name: 'stubborn',
      kind: 'function',
      version: '1',
      run: (ctx: DurableContext) =>
        ctx.step('work', async () => {
          began.resolve();
          await ends.promise;
          return null;
        }),
    },
  };
}

describe('the end of a session', () => {
  it('SES-8: cancels what runs, disposes the resources then, and marks the record last', async () => {
    const store = memoryStore();
    const log: unknown[] = [];
    const sessions = createSessions(engineFor([asker], store), {
      open: () => ({
        async [Symbol.asyncDispose]() {
          log.push([(await store.session(chat))?.state, (await store.session(chat))?.activeRun]);
        },
      }),
    });
    const [session, other] = [await sessions.open('chat'), await sessions.open('chat')];
    const run = await session.run(asker, 'one');
    expect(run.status).toBe('waiting');

    await session.close();

    expect(log).toEqual([['closing', undefined]]);
    expect(await store.session(chat)).toMatchObject({ state: 'closed', queue: [] });
    expect((await store.run(run.run))?.status).toBe('cancelled');
    expect((await store.listRequests({ tenant: 'default', limit: 5 })).items.map(({ status }) => status)).toEqual([
      'withdrawn',
    ]);
    await session[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    expect(log).toHaveLength(1);
  });

  it('SES-8: a session that is closed refuses new runs and goes on telling what was said', async () => {
    const definition = talker();
    const sessions = createSessions(engineFor([definition]));
    const session = await sessions.open('chat');
    const first = await session.run(definition, 'one', { id: 'first' });
    await session.close();

    await expect(session.run(definition, 'two')).rejects.toMatchObject({
      code: 'SESSION_CLOSED',
      retryable: false,
      meta: { session: 'chat', state: 'closed' },
    });
    await expect(session.start(definition, 'two', { whenBusy: 'queue' })).rejects.toMatchObject({
      code: 'SESSION_CLOSED',
    });
    await expect(session.clear()).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
    expect(await session.run(definition, 'one', { id: 'first' })).toEqual(first);
    expect(textsOf((await session.history()).messages)).toEqual(['one', 'answer 1']);
  });

  it('SES-8: a queue of runs is cancelled before any of them begins', async () => {
    const store = memoryStore();
    let calls = 0;
    const definition = talker(() => void (calls += 1));
    const session = await createSessions(engineFor([asker, definition], store)).open('chat');
    await session.run(asker, 'one');
    for (let n = 0; n < 10; n += 1) await session.start(definition, `queued ${n}`, { whenBusy: 'queue' });

    await session.close();

    const { items } = await store.listRuns({ tenant: 'default', session: 'chat', limit: 100 });
    expect(items.map(({ status }) => status)).toEqual(Array.from({ length: 11 }, () => 'cancelled'));
    expect(calls).toBe(0);
    expect(textsOf((await session.history()).messages)).toEqual(['one']);
  });

  it('SES-8: the queue is cancelled before the run that holds the session, whose end would hand it on', async () => {
    const inner = memoryStore();
    const store: Store = {
      ...inner,
      /** Answers when a worker has ended the run that held the session. */
      async signal(signal) {
        const ended = new Promise<void>((resolve) => {
          inner.watchRun(signal.run, (why) => (why === 'end' ? resolve() : undefined));
        });
        const answer = await inner.signal(signal);
        if (signal.run.run === 'active') await ended;
        return answer;
      },
    };
    let calls = 0;
    const definition = talker(() => void (calls += 1));
    const engine = engineFor([asker, definition], store);
    const session = await createSessions(engine).open('chat');
    await session.run(asker, 'one', { id: 'active' });
    for (const id of ['a', 'b']) await session.start(definition, id, { id, whenBusy: 'queue' });
    engine.worker();

    await session.close();

    expect(calls).toBe(0);
    expect(textsOf((await session.history()).messages)).toEqual(['one']);
  });

  it('SES-8: can be asked for by several at once, and again', async () => {
    const sessions = createSessions(engineFor([asker]));
    const [a, b] = [await sessions.open('chat'), await sessions.open('chat')];
    await a.run(asker, 'one');

    await Promise.all([a.close(), b.close(), a.close()]);
    await b.close();

    expect((await sessions.list()).items).toMatchObject([{ key: chat, state: 'closed' }]);
  });

  it('SES-8: a session that no run was started in has nothing to close, and is not stored by that', async () => {
    const sessions = createSessions(engineFor([]));
    await (await sessions.open('chat')).close();
    expect((await sessions.list()).items).toEqual([]);
  });

  it('SES-8: who waits no longer leaves it closing, and who asks again finishes it', async () => {
    const store = memoryStore();
    const { definition, began, end } = stubborn();
    const session = await createSessions(engineFor([definition], store)).open('chat');
    const run = session.run(definition, 'one');
    await began;
    const impatient = new AbortController();
    const closing = session.close({ signal: impatient.signal });
    impatient.abort(new Error('no time'));

    await expect(closing).rejects.toThrow('no time');
    expect((await store.session(chat))?.state).toBe('closing');
    await expect(session.start(definition, 'two')).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
    end();
    await session.close();

    expect((await store.session(chat))?.state).toBe('closed');
    expect(await run).toMatchObject({ status: 'cancelled' });
  });

  it('SES-8: a resource that cannot be disposed leaves the session closing, and does not stand in the way again', async () => {
    const store = memoryStore();
    const definition = talker();
    const sessions = createSessions(engineFor([definition], store), {
      open: () => ({
        [Symbol.dispose]() {
          throw new Error('stuck');
        },
      }),
    });
    const session = await sessions.open('chat');
    await session.run(definition, 'one');

    await expect(session.close()).rejects.toThrow('stuck');
    expect((await store.session(chat))?.state).toBe('closing');
    await session.close();

    expect((await store.session(chat))?.state).toBe('closed');
  });

  it('I8: a handle that is left after the end does not dispose what was made for the next', async () => {
    const log: string[] = [];
    let made = 0;
    const definition = talker();
    const sessions = createSessions(engineFor([definition]), {
      open: () => {
        const number = (made += 1);
        return { number, [Symbol.dispose]: () => void log.push(`disposed ${number}`) };
      },
    });
    const old = await sessions.open('chat');
    await old.run(definition, 'one');
    await sessions.delete('chat');
    const next = await sessions.open('chat');

    await old[Symbol.asyncDispose]();

    expect([log, next.resources.number]).toEqual([['disposed 1'], 2]);
  });
});

describe('the removal of a session', () => {
  it('SES-8: closes it, removes all of it and says what that was; its id is free then', async () => {
    const store = memoryStore();
    const definition = talker();
    const engine = engineFor([asker, definition], store);
    const sessions = createSessions(engine);
    const session = await sessions.open('chat');
    await session.run(definition, 'one');
    await session.run(asker, 'two');
    await (await sessions.open('other')).run(definition, 'stays');

    const removed = await sessions.delete('chat');

    expect(removed).toMatchObject({ sessions: 1, runs: 2, messages: 3, requests: 1, ledgers: 0 });
    expect((await sessions.list()).items.map(({ key }) => key.session)).toEqual(['other']);
    expect((await store.listRuns({ tenant: 'default', limit: 5 })).items).toHaveLength(1);
    expect(await sessions.delete('chat')).toBeUndefined();
    const again = await sessions.open('chat');
    expect(await again.run(definition, 'anew')).toMatchObject({ output: 'answer 1' });
  });

  it('SES-8: ends a child that outlived its run, which no store removes while it is live', async () => {
    const store = memoryStore();
    const run = {
      kind: 'function',
      definition: 'raw',
      version: '1',
      input: null,
      inputHash: 'h',
      context: null,
      priority: 0,
      messages: [],
      root: 'root',
    } as const;
    const [root, orphan] = [
      { tenant: 'default', run: 'root' },
      { tenant: 'default', run: 'orphan' },
    ];
    await store.start({ ...run, key: root, depth: 0, session: { id: 'chat', whenBusy: 'refuse' } });
    const definitions = [{ name: 'raw', versions: ['1'] }];
    await store.claim({ worker: 'w', leaseMs: 1_000, limit: 1, suspects: { room: 0, alone: 1 }, definitions });
    await store.commit({
      run: root,
      epoch: 1,
      entries: [{ type: 'run-end', status: 'completed' }],
      progress: true,
      children: [{ ...run, key: orphan, depth: 1, parent: { run: 'root', key: 'c' } }],
      transition: { type: 'end', status: 'completed' },
    });

    expect(await createSessions(engineFor([], store)).delete('chat')).toMatchObject({ sessions: 1, runs: 2 });
    expect(await store.run(orphan)).toBeUndefined();
  });

  it('SES-7: takes nothing of another tenant’s session of that name', async () => {
    const definition = talker();
    const sessions = createSessions(engineFor([definition]));
    for (const tenant of ['a', 'b']) await (await sessions.open('chat', { tenant })).run(definition, tenant);

    expect(await sessions.delete('chat', { tenant: 'a' })).toMatchObject({ runs: 1 });

    expect((await sessions.list({ tenant: 'a' })).items).toEqual([]);
    expect((await sessions.list({ tenant: 'b' })).items).toHaveLength(1);
    await expect(sessions.delete('')).rejects.toThrow(TypeError);
  });

  it('REC-1: sessions are listed in pages, newest first, by state', async () => {
    const definition = talker();
    const sessions = createSessions(engineFor([definition]));
    for (const id of ['a', 'b', 'c']) await (await sessions.open(id)).run(definition, id);
    await (await sessions.open('b')).close();

    const first = await sessions.list({ limit: 2 });
    const rest = await sessions.list({ limit: 2, after: first.next ?? '' });

    expect(first.items.map(({ key }) => key.session)).toEqual(['c', 'b']);
    expect(rest.items.map(({ key }) => key.session)).toEqual(['a']);
    expect(rest.next).toBeUndefined();
    expect((await sessions.list({ state: ['closed'] })).items.map(({ key }) => key.session)).toEqual(['b']);
  });
});

describe('a history that is replaced', () => {
  it('SES-12: takes no message that is none, says where it is wrong, and makes blobs of the files in it', async () => {
    const engine = engineFor([talker()]);
    await using session = await createSessions(engine).open('s1');
    await session.run(talker(), 'a');
    const head = (await session.history()).messages.at(-1)?.n ?? 0;
    const damaged = { v: 1, id: 'm', role: 'user', kind: 'user' } as never;

    await expect(session.replace([damaged])).rejects.toMatchObject({
      code: 'MESSAGE_INVALID',
      meta: { path: 'content' },
    });
    expect((await session.history()).messages.at(-1)?.n).toBe(head);
    const file = { type: 'file' as const, mediaType: 'image/png', data: { base64: 'aGk=' } };
    await session.replace([{ ...message('m', 'user', 'x'), content: [file] }]);

    const [stored] = (await session.history()).messages;
    expect(stored?.message.content).toEqual([{ ...file, data: { blob: expect.stringMatching(/^sha256:/) } }]);
  });

  it('SES-3: is what the next run sees, with numbers that go on', async () => {
    const definition = talker();
    const session = await createSessions(engineFor([definition])).open('chat');
    for (const input of ['a', 'b', 'c']) await session.run(definition, input);

    expect(await session.replace([message('sum', 'user', 'summary of a, b, c')], { expectedHead: 6 })).toBe(7);
    expect(await session.run(definition, 'd')).toMatchObject({ output: 'answer 2' });

    const { messages, next } = await session.history();
    expect(messages.map(({ n }) => n)).toEqual([7, 8, 9]);
    expect(textsOf(messages)).toEqual(['summary of a, b, c', 'd', 'answer 2']);
    expect(next).toBeUndefined();
    expect(await session.window()).toEqual({ messages, truncated: false });
    expect(await session.window({ turns: 1 })).toEqual({ messages: messages.slice(1), truncated: true });
    expect(await session.window({ turns: 2 })).toEqual({ messages, truncated: false });
  });

  it('SES-3: is what a run sees that was parked and is driven anew', async () => {
    const reader: DurableDefinition<string, number[]> = {
      ...talker(),
      name: 'reader',
      async run(ctx: DurableContext) {
        const before = await ctx.thread.read();
        await ctx.step('say', (step) => void step.append(message('said', 'assistant', 'one moment')));
        await ctx.receive('go');
        const after = await ctx.thread.read();
        return [...before, ...after].map(({ n }) => n);
      },
    };
    const engine = engineFor([talker(), reader]);
    const session = await createSessions(engine).open('chat');
    await session.run(talker(), 'a');
    await session.replace([message('sum', 'user', 'summary')]);
    const parked = await session.run(reader, 'b');
    expect(parked.status).toBe('waiting');

    await engine.signal(parked.run, 'go', null);

    expect(await engine.drive(parked.run)).toMatchObject({ status: 'completed', output: [3, 4, 3, 4, 5] });
  });

  it('SES-3: is read in pages that end where it begins', async () => {
    const definition = talker();
    const session = await createSessions(engineFor([definition])).open('chat');
    await session.run(definition, 'a');
    await session.replace(['x', 'y', 'z', 'w'].map((text) => message(text, 'user', text)));

    const page = await session.history({ limit: 2 });
    const older = await session.history(page.next);

    expect(textsOf(page.messages)).toEqual(['z', 'w']);
    expect(textsOf(older.messages)).toEqual(['x', 'y']);
    expect(older.next).toBeUndefined();
  });

  it('SES-3: begins anew when it is cleared', async () => {
    const definition = talker();
    const session = await createSessions(engineFor([definition])).open('chat');
    await session.run(definition, 'a');

    expect(await session.clear()).toBe(2);

    expect(await session.history()).toEqual({ messages: [] });
    expect(await session.window()).toEqual({ messages: [], truncated: false });
    expect(await session.run(definition, 'b')).toMatchObject({ output: 'answer 1' });
  });

  it('SES-3: is refused while a run holds the session, when another message has come, and before the first run', async () => {
    const definition = talker();
    const engine = engineFor([asker, definition]);
    const session = await createSessions(engine).open('chat');
    await expect(session.clear()).rejects.toMatchObject({ code: 'SESSION_UNKNOWN', retryable: false });
    await session.run(definition, 'a');

    await expect(session.replace([], { expectedHead: 1 })).rejects.toMatchObject({
      code: 'THREAD_MOVED',
      meta: { session: 'chat', head: 2 },
    });
    const held = await session.run(asker, 'b', { id: 'holder' });
    await expect(session.clear()).rejects.toMatchObject({
      code: 'SESSION_BUSY',
      retryable: true,
      meta: {
        runId: 'holder',
        status: 'waiting',
        requestIds: held.status === 'waiting' ? held.requests.map(({ request }) => request) : [],
      },
    });
    const messages = textsOf((await session.history()).messages);
    expect(messages).toEqual(['a', 'answer 1', 'b']);
  });
});
