import { setTimeout as delay } from 'node:timers/promises';
import {
  PrusikError,
  type DurableContext,
  type DurableDefinition,
  type Json,
  type Sandbox,
  type Store,
} from '@prusik/core';
import { defineHarness } from '@prusik/harness';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

const echo: DurableDefinition<Json, Json> = {
  name: 'echo',
  kind: 'agent',
  version: '1',
  run: (ctx: DurableContext, input) => ctx.step('echo', () => input),
};
/** A child that asks a person, in whatever way it is told to. */
const clerk: DurableDefinition<'approval' | 'question', Json> = {
  name: 'clerk',
  kind: 'agent',
  version: '1',
  async run(ctx: DurableContext, kind) {
    const { status, value = null, by = null, reason = null } = await ctx.request('ask', { kind, body: 'May I?' });
    return { status, value, by, reason };
  },
};
const office = defineWorkflow({
  name: 'office',
  input: z.enum(['approval', 'question']),
  agents: { clerk },
  delegation: {},
  run: (ctx, kind) => ctx.agents.clerk.run('clerk', kind),
});
const limits = { parkAfterMs: 0 };

/** Disposed at the end of the test, whatever it did. */
function kept<T extends AsyncDisposable>(harness: T): T {
  onTestFinished(() => Promise.resolve(harness[Symbol.asyncDispose]()));
  return harness;
}

describe('runs by name', () => {
  it('DEF-7: run() resolves to the end of a run, and never hangs on a person', async () => {
    const harness = kept(
      defineHarness({ store: memoryStore(), agents: { echo }, workflows: { office }, ephemeral: true, limits }),
    );

    expect(await harness.run('echo', 'hello')).toMatchObject({ status: 'completed', output: 'hello' });
    expect(await harness.run('office', 'question', { id: 'waits' })).toMatchObject({ status: 'waiting' });
    expect(await harness.drive('waits')).toMatchObject({ status: 'waiting' });
  });

  it('ERR-3: an answer tells completed, failed, cancelled, waiting and blocked apart, and says what is unknown', async () => {
    const fate: DurableDefinition<string, Json> = {
      name: 'fate',
      kind: 'agent',
      version: '1',
      async run(ctx: DurableContext, input) {
        if (input === 'fail') throw new PrusikError('UNLUCKY', 'no');
        if (input === 'wait') await ctx.receive('never');
        if (input === 'doubt') await ctx.step('send', () => delay(60_000, null), { effect: 'once', timeoutMs: 1 });
        return 'done';
      },
    };
    const harness = kept(defineHarness({ store: memoryStore(), agents: { fate }, limits }));
    await harness.start('fate', 'wait', { id: 'cancelled' });
    await harness.cancel('cancelled');

    expect(await harness.run('fate', 'go')).toMatchObject({ status: 'completed', output: 'done' });
    expect(await harness.run('fate', 'fail')).toMatchObject({ status: 'failed', error: { code: 'UNLUCKY' } });
    expect(await harness.drive('cancelled')).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED' } });
    expect(await harness.run('fate', 'wait')).toMatchObject({ status: 'waiting', requests: [], wakeAt: null });
    expect(await harness.run('fate', 'doubt')).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
  });

  it('SES-7: the same id and input is the same run', async () => {
    const harness = kept(defineHarness({ store: memoryStore(), agents: { echo }, limits }));

    const first = await harness.start('echo', 1, { id: 'one' });
    expect((await harness.start('echo', 1, { id: 'one' })).key).toEqual(first.key);
    await expect(harness.start('echo', 2, { id: 'one' })).rejects.toMatchObject({ code: 'RUN_INPUT_MISMATCH' });
  });

  it('SES-1: a session is held by one run', async () => {
    const harness = kept(defineHarness({ store: memoryStore(), agents: { echo, clerk }, limits }));
    await harness.run('clerk', 'question', { session: 'chat', id: 'first' });

    await expect(harness.run('echo', 1, { session: 'chat' })).rejects.toMatchObject({
      code: 'SESSION_BUSY',
      meta: { runId: 'first' },
    });
    expect(await harness.run('echo', 1, { session: 'chat', whenBusy: 'queue' })).toMatchObject({ status: 'waiting' });
  });

  it('DEF-8: functions get the context of the run and the live objects of the process', async () => {
    const told: DurableDefinition<null, Json, { name: string }> = {
      name: 'told',
      kind: 'agent',
      version: '1',
      run: (ctx: DurableContext<{ name: string }>) => [ctx.deps.name, ctx.run.context],
    };
    const harness = kept(
      defineHarness({
        store: memoryStore(),
        agents: { told },
        limits,
        context: z.object({ user: z.string().trim() }),
        deps: (run) => ({ name: `deps of ${run.definition}` }),
      }),
    );

    expect(await harness.run('told', null, { context: { user: ' ada ' } })).toMatchObject({
      output: ['deps of told', { user: 'ada' }],
    });
    await expect(harness.start('told', null)).rejects.toMatchObject({ code: 'CONTEXT_INVALID' });
  });

  it("WFL-4: a run's budget is the narrower of its caller's and its policy's", async () => {
    const store = memoryStore();
    const frugal = defineWorkflow({
      name: 'frugal',
      input: z.null(),
      delegation: { tokens: 100, costMicros: 5 },
      run: () => null,
    });
    const harness = kept(defineHarness({ store, workflows: { frugal }, ephemeral: true, limits }));
    const limitsOf = async (id: string): Promise<unknown> =>
      (await store.ledger({ tenant: 'default', run: id }))?.limits;

    await harness.start('frugal', null, { id: 'own' });
    await harness.start('frugal', null, { id: 'wider', budget: { tokens: 1_000, calls: 3 } });
    await harness.start('frugal', null, { id: 'narrower', budget: { tokens: 10 } });

    expect(await limitsOf('own')).toEqual({ tokens: 100, costMicros: 5 });
    expect(await limitsOf('wider')).toEqual({ tokens: 100, costMicros: 5, calls: 3 });
    expect(await limitsOf('narrower')).toEqual({ tokens: 10, costMicros: 5 });
  });

  it('DUR-14: a run is cancelled by name of its id', async () => {
    const harness = kept(defineHarness({ store: memoryStore(), agents: { clerk }, limits }));
    await harness.run('clerk', 'question', { id: 'one' });

    expect(await harness.cancel('one', 'enough')).toMatchObject({ outcome: 'delivered' });

    expect(await harness.drive('one')).toMatchObject({ status: 'cancelled' });
  });
});

describe('requests', () => {
  const open = async (kind: 'approval' | 'question') => {
    const harness = kept(
      defineHarness({ store: memoryStore(), workflows: { office }, ephemeral: true, limits, newId: () => 'root' }),
    );
    await harness.run('office', kind);
    const { items } = await harness.requests();
    return { harness, request: items[0]! };
  };

  it('REQ-7: a request of a child shows at the root with its lineage, and is decided there', async () => {
    const { harness, request } = await open('approval');
    expect(request).toMatchObject({ root: 'root', parent: { run: 'root', key: 'clerk' }, definition: 'clerk' });

    const decided = await harness.approve('root', request.id, { by: 'ada', reason: 'fine' });

    expect(decided).toMatchObject({ outcome: 'decided' });
    expect(await harness.drive('root')).toMatchObject({
      output: { status: 'approved', value: null, by: 'ada', reason: 'fine' },
    });
    expect((await harness.requests()).items).toEqual([]);
  });

  it('REQ-5, REQ-8: who may decide is asked, whichever way is taken, and the inbox tells how it ended', async () => {
    const harness = kept(
      defineHarness({
        store: memoryStore(),
        workflows: { office },
        ephemeral: true,
        limits,
        canAnswer: ({ by }) => by === 'ada',
      }),
    );
    await harness.run('office', 'approval');
    const inbox = harness.watchRequests();
    const request = (await inbox.next()).value!;
    const refused = { code: 'RESPONDER_REFUSED' };

    await expect(harness.approve(request.run, request.id)).rejects.toMatchObject(refused);
    await expect(harness.reject(request.run, request.id, { by: 'eve' })).rejects.toMatchObject(refused);
    await expect(harness.engine.decide(request.run, request.id, { status: 'approved' })).rejects.toMatchObject(refused);

    const next = inbox.next();
    expect(await harness.approve(request.run, request.id, { by: 'ada' })).toMatchObject({ outcome: 'decided' });
    expect((await next).value).toMatchObject({ id: request.id, status: 'approved' });
    await inbox.return?.();
  });

  it('REQ-1: of two deciders one wins, and the other is told what was decided', async () => {
    const { harness, request } = await open('approval');

    await harness.reject(request.run, request.id, { by: 'ada' });

    expect(await harness.approve('root', request.id, { by: 'bob' })).toMatchObject({
      outcome: 'already',
      request: { status: 'rejected', decision: { by: 'ada' } },
    });
  });

  it('REQ-1: an edited input and an answer reach who asked', async () => {
    const edited = await open('approval');
    await edited.harness.edit('root', edited.request.id, { path: 'b' });
    expect(await edited.harness.drive('root')).toMatchObject({ output: { status: 'edited', value: { path: 'b' } } });

    const answered = await open('question');
    await answered.harness.answer('root', answered.request.id, 'yes');
    expect(await answered.harness.drive('root')).toMatchObject({ output: { status: 'answered', value: 'yes' } });
  });

  it('REQ-1: a decision of another kind than was asked for is refused', async () => {
    const { harness, request } = await open('question');

    await expect(harness.approve('root', request.id)).rejects.toMatchObject({ code: 'REQUEST_KIND' });
    await expect(harness.intervene('root', request.id, { choice: 'retry' })).rejects.toMatchObject({
      code: 'REQUEST_KIND',
    });
    await expect(harness.answer('root', 'other', 1)).rejects.toMatchObject({ code: 'REQUEST_UNKNOWN' });
  });

  it('DUR-5: a blocked run goes on as a person says', async () => {
    let executions = 0;
    const once: DurableDefinition<null, Json> = {
      name: 'once',
      kind: 'agent',
      version: '1',
      run: (ctx: DurableContext) =>
        ctx.step(
          'send',
          async () => {
            executions += 1;
            await new Promise(() => {});
            return null;
          },
          { effect: 'once', timeoutMs: 1 },
        ),
    };
    const harness = kept(defineHarness({ store: memoryStore(), agents: { once }, limits }));
    const blocked = await harness.run('once', null, { id: 'one' });
    expect(blocked).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
    const { items } = await harness.requests({ kind: ['intervention'] });

    await harness.intervene('one', items[0]!.id, { choice: 'happened', output: 'sent' });

    expect(await harness.drive('one')).toMatchObject({ status: 'completed', output: 'sent' });
    expect(executions).toBe(1);
  });
});

describe('driving in the background', () => {
  it('DEF-7: a worker drives what is started, and events can be followed meanwhile', async () => {
    const harness = kept(defineHarness({ store: memoryStore(), agents: { echo }, limits }));
    const worker = harness.worker();

    await harness.start('echo', 'hello', { id: 'one' });
    const seen: string[] = [];
    for await (const event of harness.events('one')) if (!event.live) seen.push(event.entry.type);
    await worker[Symbol.asyncDispose]();

    expect(seen).toEqual(['run-start', 'run-claim', 'step-end', 'run-end']);
  });

  it('DEF-7: drain() drives all that can move, and leaves what waits', async () => {
    const harness = kept(defineHarness({ store: memoryStore(), agents: { echo, clerk }, limits }));
    for (const id of ['a', 'b', 'c']) await harness.start('echo', id, { id });
    await harness.start('clerk', 'question', { id: 'waits', session: 'chat' });
    await harness.start('echo', 'd', { id: 'behind', session: 'chat', whenBusy: 'queue' });

    expect(await harness.drain({ until: Date.now() + 60_000 })).toEqual({ outcome: 'drained', wakeAt: null });

    const status = async (id: string) => (await harness.engine.store.run({ tenant: 'default', run: id }))?.status;
    expect(await Promise.all(['a', 'b', 'c', 'waits', 'behind'].map(status))).toEqual([
      'completed',
      'completed',
      'completed',
      'waiting',
      'queued',
    ]);
  });

  it('DEF-7: drain() stops when the time is up, and gives back what it drove', async () => {
    const endless: DurableDefinition<null, null> = {
      name: 'endless',
      kind: 'agent',
      version: '1',
      run: (ctx: DurableContext) => ctx.step('wait', ({ signal }) => delay(60_000, null, { signal })),
    };
    const harness = kept(defineHarness({ store: memoryStore(), agents: { endless }, limits }));
    await harness.start('endless', null, { id: 'one' });

    expect(await harness.drain({ until: Date.now() + 20 })).toEqual({ outcome: 'time-up' });

    expect(await harness.engine.store.run({ tenant: 'default', run: 'one' })).toMatchObject({ status: 'queued' });
    await expect(harness.drain({ until: Number.NaN })).rejects.toThrow(TypeError);
  });
});

describe('the end of a harness', () => {
  const noted = (log: string[], name: string, fails = false) => ({
    async [Symbol.asyncDispose]() {
      log.push(name);
      if (fails) throw new PrusikError('STUCK', name);
    },
  });
  const storeThat = (log: string[], fails = false): Store => ({ ...memoryStore(), ...noted(log, 'store', fails) });
  // Only its disposal matters here.
  const sandboxThat = (log: string[], fails = false) => noted(log, 'sandbox', fails) as Partial<Sandbox> as Sandbox;

  it('DEF-5: closes what it was given in reverse order, once, and tells every failure', async () => {
    const log: string[] = [];
    const harness = defineHarness({ store: storeThat(log, true), sandbox: sandboxThat(log, true), agents: { echo } });

    const ended = await Promise.allSettled([harness[Symbol.asyncDispose](), harness[Symbol.asyncDispose]()]);

    expect(log).toEqual(['sandbox', 'store']);
    const all = {
      status: 'rejected',
      reason: {
        code: 'CLEANUP_FAILED',
        meta: { failed: ['sandbox', 'store'] },
        cause: { errors: [{ message: 'sandbox' }, { message: 'store' }] },
      },
    };
    expect(ended).toMatchObject([all, all]);
    await expect(harness.start('echo', 1)).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
  });

  it('DEF-5: closes what it owns before what that lives on, the last first, and when nothing is driven any more', async () => {
    const log: string[] = [];
    const begun = Promise.withResolvers<void>();
    const busy: DurableDefinition<null, null> = {
      name: 'busy',
      kind: 'agent',
      version: '1',
      run: (ctx: DurableContext) =>
        ctx.step('work', async ({ signal }) => {
          begun.resolve();
          await delay(60_000, null, { signal }).catch(() => log.push('step'));
          return null;
        }),
    };
    const harness = defineHarness({
      store: storeThat(log),
      sandbox: sandboxThat(log),
      agents: { busy },
      owns: [noted(log, 'first'), noted(log, 'second')],
      limits,
    });
    harness.run('busy', null).catch(() => {});
    await begun.promise;

    await harness[Symbol.asyncDispose]();

    expect(log).toEqual(['step', 'second', 'first', 'sandbox', 'store']);
    expect(() => defineHarness({ store: memoryStore(), agents: { echo }, owns: [{} as AsyncDisposable] })).toThrow(
      /owns\[0\] cannot be closed/,
    );
  });

  it('DEF-5: leaves open what is said to be of others', async () => {
    const log: string[] = [];
    const harness = defineHarness({
      store: storeThat(log),
      sandbox: sandboxThat(log),
      agents: { echo },
      keepOpen: ['store', 'sandbox'],
    });

    await harness[Symbol.asyncDispose]();

    expect(log).toEqual([]);
  });

  it('DEF-5: gives its runs back, or cancels them, by choice', async () => {
    const asked: string[] = [];
    const inner = memoryStore();
    const store: Store = {
      ...inner,
      signal(signal) {
        asked.push(signal.run.run);
        return inner.signal(signal);
      },
    };
    const assembled = (atDispose: 'release' | 'cancel') =>
      defineHarness({ store, agents: { clerk, echo }, limits, keepOpen: ['store'], atDispose });
    const [releasing, cancelling] = [assembled('release'), assembled('cancel')];
    await releasing.run('clerk', 'question', { id: 'released' });
    await cancelling.run('clerk', 'question', { id: 'cancelled' });
    await cancelling.run('echo', 1, { id: 'ended' });

    await releasing[Symbol.asyncDispose]();
    await cancelling[Symbol.asyncDispose]();

    const status = async (id: string) => (await store.run({ tenant: 'default', run: id }))?.status;
    expect(await Promise.all(['released', 'cancelled', 'ended'].map(status))).toEqual([
      'waiting',
      'cancelled',
      'completed',
    ]);
    expect(asked).toEqual(['cancelled']);
  });

  it('DEF-5: finishes what runs, by choice: until it has ended or waits, and no longer than it may take', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const going = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const long: DurableDefinition<Json, Json> = {
      name: 'long',
      kind: 'function',
      version: '1',
      run: (ctx: DurableContext) =>
        ctx.step('work', async ({ signal }) => {
          begun.resolve();
          await Promise.race([going.promise, new Promise((_, reject) => signal.addEventListener('abort', reject))]);
          return 'worked';
        }),
    };
    const assembled = () =>
      defineHarness({
        store,
        agents: { long, clerk },
        limits,
        clock,
        keepOpen: ['store'],
        atDispose: 'finish',
        finishMs: 5_000,
      });
    const status = async (id: string) => (await store.run({ tenant: 'default', run: id }))?.status;

    const slow = assembled();
    const left = slow.run('long', null, { id: 'left' }).catch((error: PrusikError) => error.code);
    await begun.promise;
    const disposal = slow[Symbol.asyncDispose]();
    await new Promise(setImmediate);
    await expect(slow.start('long', null, { id: 'late' })).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
    clock.advance(5_000);
    await disposal;
    expect(await left).toBe('ENGINE_CLOSED');
    expect([await status('left'), await status('late')]).toEqual(['queued', undefined]);

    const quick = assembled();
    await quick.start('long', null, { id: 'finished' });
    await quick.start('clerk', 'question', { id: 'waits' });
    going.resolve();
    await quick[Symbol.asyncDispose]();
    expect([await status('finished'), await status('waits')]).toEqual(['completed', 'waiting']);
    expect(clock.pending).toBe(0);
  });

  it('DEF-5: finishes, or cancels, what its sessions and its engine have started as well, and lets them start nothing more', async () => {
    const inner = memoryStore();
    let watched = 0;
    const store: Store = {
      ...inner,
      watchRun(...asked) {
        watched += 1;
        const watch = inner.watchRun(...asked);
        return { [Symbol.dispose]: () => ((watched -= 1), watch[Symbol.dispose]()) };
      },
    };
    const assembled = (atDispose: 'finish' | 'cancel') =>
      defineHarness({ store, agents: { clerk, echo }, limits, keepOpen: ['store'], atDispose });
    const status = async (id: string) => (await inner.run({ tenant: 'default', run: id }))?.status;

    const finishing = assembled('finish');
    const session = await finishing.sessions.open('s');
    await session.start(echo, 1, { id: 'of a session' });
    await finishing.engine.start('echo', 2, { id: 'of the engine' });
    const disposal = finishing[Symbol.asyncDispose]();
    await expect(session.start(echo, 3, { id: 'late', whenBusy: 'queue' })).rejects.toMatchObject({
      code: 'ENGINE_CLOSED',
    });
    await disposal;
    expect(await Promise.all(['of a session', 'of the engine', 'late'].map(status))).toEqual([
      'completed',
      'completed',
      undefined,
    ]);

    const cancelling = assembled('cancel');
    await cancelling.run('echo', 1, { id: 'again' });
    await cancelling.run('echo', 1, { id: 'again' });
    expect(watched).toBe(0);
    await (await cancelling.sessions.open('t')).run(clerk, 'question', { id: 'asks' });
    await cancelling[Symbol.asyncDispose]();
    expect(await status('asks')).toBe('cancelled');
    expect(watched).toBe(0);
  });
});
