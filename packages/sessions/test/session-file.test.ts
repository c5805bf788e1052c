import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DurableContext, DurableDefinition, Json, PrusikError, Store } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { createSessions } from '@prusik/sessions';
import { dyingStore } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { openFile, rowsOf, sqliteFile } from './sqlite-file.ts';
import { asker, engineFor, talker } from './support.ts';

const chat = { tenant: 'default', session: 'chat' } as const;

/** A workflow that has a child, and asks a person when it is told to. */
const parent: DurableDefinition<Json, Json> = {
  name: 'parent',
  kind: 'workflow',
  version: '1',
  async run(ctx: DurableContext, input: Json) {
    await ctx.child('child', 'child', input);
    if (input === 'ask') await ctx.request('ask', { kind: 'question', body: 'Go on?' });
    return null;
  },
};
const child: DurableDefinition<Json, Json> = {
  name: 'child',
  kind: 'function',
  version: '1',
  run: (ctx: DurableContext) => ctx.step('s', () => 'done'),
};

/** Another session that stays, and one that has all there is: ended trees, a run that waits for a person, and a queue. */
async function talkedIn(store: Store, path: string): Promise<Record<string, number>> {
  const definition = talker();
  const engine = createEngine({ store, definitions: [asker, definition, parent, child], limits: { parkAfterMs: 0 } });
  const sessions = createSessions(engine);
  await (await sessions.open('stays')).run(definition, 'hello');
  const before = rowsOf(path);
  const session = await sessions.open('chat');
  await session.run(definition, 'one');
  await session.run(parent, 'two');
  await session.replace([]);
  await session.run(parent, 'ask');
  for (const id of ['a', 'b']) await session.start(definition, id, { id, whenBusy: 'queue' });
  expect((await store.session(chat))?.queue).toEqual(['a', 'b']);
  await engine[Symbol.asyncDispose]();
  return before;
}

describe('a session in a file', () => {
  it('SES-8: leaves nothing in any table when it is deleted, with a run that waits, a queue and trees', async () => {
    const path = sqliteFile();
    const store = openFile(path);
    const before = await talkedIn(store, path);

    const removed = await createSessions(engineFor([], store)).delete('chat');

    expect(removed).toMatchObject({ sessions: 1, runs: 7, requests: 1 });
    expect(rowsOf(path)).toEqual(before);
  });

  it(
    'SES-8: a deletion that dies at any of its writes is finished by the next, and leaves nothing',
    { timeout: 60_000 },
    async () => {
      const deaths: string[] = [];
      for (const when of ['before', 'after'] as const) {
        for (let k = 1; ; k += 1) {
          const path = sqliteFile();
          const first = openFile(path);
          const before = await talkedIn(first, path);
          const { store, died } = dyingStore(first, k, when);
          const engine = createEngine({ store, definitions: [] });
          const end = await Promise.race([
            died,
            createSessions(engine)
              .delete('chat')
              .then(() => 'lived'),
          ]);
          // The process is gone, and its leases with it.
          await first[Symbol.asyncDispose]();
          if (end === 'lived') break;
          deaths.push(end);

          const second = openFile(path);
          await createSessions(engineFor([], second)).delete('chat');

          expect([end, rowsOf(path)]).toEqual([end, before]);
          await second[Symbol.asyncDispose]();
        }
      }
      expect(deaths).toEqual(
        expect.arrayContaining([
          'before moveSession',
          'after moveSession',
          'before commit',
          'after commit',
          'before remove',
          'after remove',
        ]),
      );
    },
  );

  it('SES-8: a close whose process is killed between the runs and the resources is finished by another', async () => {
    const path = sqliteFile();
    const store = openFile(path);
    await talkedIn(store, path);
    const script = fileURLToPath(new URL('fixtures/closing-process.ts', import.meta.url));
    const closing = spawn(process.execPath, ['--conditions=@prusik/source', script, path, 'chat'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(closing.stdout, 'data');
    closing.kill('SIGKILL');
    await once(closing, 'exit');
    expect(await store.session(chat)).toMatchObject({ state: 'closing', queue: [] });
    const definition = talker();
    const session = await createSessions(engineFor([definition], store)).open('chat');

    await expect(session.start(definition, 'late')).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
    await session.close();

    expect((await store.session(chat))?.state).toBe('closed');
    const { items } = await store.listRuns({ tenant: 'default', session: 'chat', limit: 100 });
    expect(items.map(({ status }) => status)).toEqual([
      'cancelled',
      'cancelled',
      'cancelled',
      'completed',
      'completed',
    ]);
  });

  it('SES-8: a run that another process drives is told, and waited for', async () => {
    const path = sqliteFile();
    const began = Promise.withResolvers<void>();
    const slow: DurableDefinition<Json, Json> = {
      name: 'slow',
      kind: 'function',
      version: '1',
      run: (ctx: DurableContext) =>
        ctx.step('work', async ({ signal }) => {
          began.resolve();
          await once(signal, 'abort');
          throw signal.reason;
        }),
    };
    const driven = (await createSessions(engineFor([slow], openFile(path))).open('chat')).run(slow, null);
    await began.promise;
    const here = openFile(path);

    await (await createSessions(engineFor([], here)).open('chat')).close();

    expect((await here.session(chat))?.state).toBe('closed');
    expect(await driven).toMatchObject({ status: 'cancelled' });
  });

  it('SES-2: of two processes that start the first run of a session at once, one has it', async () => {
    const path = sqliteFile();
    const sessions = await Promise.all(
      [openFile(path), openFile(path)].map((store) => createSessions(engineFor([asker], store)).open('chat')),
    );

    const started = await Promise.allSettled(
      sessions.map((session, n) => session.start(asker, 'hello', { id: `run-${n}` })),
    );

    expect(started.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const refused = started.find((result) => result.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'SESSION_BUSY' });
    // The run's first entry, and its message.
    expect(rowsOf(path)).toMatchObject({ sessions: 1, runs: 1, appended: 2 });
  });

  it('SES-1: ten thousand refusals leave no row, no timer and no listener', async () => {
    const path = sqliteFile();
    const file = openFile(path);
    let watchers = 0;
    const counted = (watcher: Disposable): Disposable => {
      watchers += 1;
      return {
        [Symbol.dispose]() {
          watchers -= 1;
          watcher[Symbol.dispose]();
        },
      };
    };
    const store: Store = {
      ...file,
      watchRun: (run, on) => counted(file.watchRun(run, on)),
      watchQueue: (on) => counted(file.watchQueue(on)),
    };
    const session = await createSessions(engineFor([asker], store)).open('chat');
    await session.run(asker, 'one');
    await expect(session.run(asker, 'two')).rejects.toMatchObject({ code: 'SESSION_BUSY' });
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = { rows: rowsOf(path), watchers, timers: timers() };

    const codes = new Set<unknown>();
    for (let n = 0; n < 10_000; n += 1)
      await session.run(asker, `${n}`).catch((error: PrusikError) => codes.add(error.code));

    expect(codes).toEqual(new Set(['SESSION_BUSY']));
    expect({ rows: rowsOf(path), watchers }).toEqual({ rows: before.rows, watchers: before.watchers });
    // Timers of others in this process come and go.
    expect(timers()).toBeLessThan(before.timers + 100);
  });
});
