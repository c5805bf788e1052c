import type { DurableContext, Json, Request, Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { dyingStore, fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import {
  createDecisions,
  createEngine,
  type Engine,
  type EngineOptions,
  type PersonDecision,
  type Responder,
} from '../src/index.ts';
import { durable, engineOn, entriesOf, key } from './support.ts';

const body = { tool: 'send', callId: 'c', input: { to: 'bob' }, fingerprint: 'f', toolHash: 'h' };
const asking = (spec: Partial<Parameters<DurableContext['request']>[1]> = {}) =>
  durable('work', (ctx) => ctx.request('ask', { kind: 'approval', body, ...spec }));

/** A run that stands at its request. */
async function asked(
  options: Pick<EngineOptions, 'clock' | 'canAnswer'> = {},
  work = asking(),
  store = memoryStore(),
): Promise<{ readonly store: Store; readonly engine: Engine; readonly request: Request }> {
  const engine = engineOn(store, [work], options);
  await engine.run('work', null, { id: 'r', context: { user: 'ann' } });
  return { store, engine, request: await onlyRequest(store) };
}

async function onlyRequest(store: Store): Promise<Request> {
  const { items } = await store.listRequests({ tenant: 'default', limit: 10 });
  if (items[0] === undefined || items.length > 1) throw new Error(`${items.length} requests`);
  return items[0];
}

const approved: PersonDecision = { status: 'approved', by: 'bob' };

describe('who decides what', () => {
  it.each<[Request['kind'], PersonDecision]>([
    ['approval', { status: 'answered', value: 1 }],
    ['question', approved],
    ['question', { status: 'edited', value: 1 }],
    ['client-tool', approved],
    ['intervention', { status: 'rejected' }],
    // As a caller without types has it.
    ['approval', { status: 'expired' } as unknown as PersonDecision],
    ['approval', { status: 'withdrawn' } as unknown as PersonDecision],
  ])('REQ-1: a request of kind %s is not decided by %j', async (kind, decision) => {
    const { engine, request } = await asked({}, asking({ kind }));

    await expect(engine.decide(key('r'), request.id, decision)).rejects.toMatchObject({ code: 'REQUEST_KIND' });

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'waiting' });
  });

  it.each([7, null, { text: 'no' }])(
    'REQ-1: a reason that is no text (%j) is refused, and was never said',
    async (reason) => {
      const { engine, request } = await asked({}, asking({ kind: 'approval' }));

      const rejecting = engine.decide(key('r'), request.id, {
        status: 'rejected',
        reason,
      } as unknown as PersonDecision);

      await expect(rejecting).rejects.toThrow(TypeError);
      expect((await engine.store.request(key('r'), request.id))?.status).toBe('open');
    },
  );

  it('REQ-5: a policy sees who wants to decide what, and for whom the run works; its yes lets the decision through', async () => {
    const seen: Responder[] = [];
    const { engine, request } = await asked({
      canAnswer: (responder) => (seen.push(responder), responder.by === 'bob'),
    });

    await expect(engine.decide(key('r'), request.id, { status: 'approved', by: 'eve' })).rejects.toMatchObject({
      code: 'RESPONDER_REFUSED',
      meta: { request: request.id, failed: false },
    });
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'waiting' });

    expect(await engine.decide(key('r'), request.id, approved)).toMatchObject({ outcome: 'decided' });
    expect(seen).toEqual([
      { request, decision: { status: 'approved', by: 'eve' }, context: { user: 'ann' }, by: 'eve' },
      { request, decision: approved, context: { user: 'ann' }, by: 'bob' },
    ]);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['returns nonsense', () => 'yes'],
    ['returns nothing', () => undefined],
    ['hangs', () => new Promise(() => {})],
  ])('REQ-5, I12: a policy that %s refuses, and the request stays open', async (what, canAnswer) => {
    const clock = fakeClock();
    const { engine, request } = await asked({ clock, canAnswer: canAnswer as () => boolean });

    const deciding = engine.decide(key('r'), request.id, approved);
    deciding.catch(() => {});
    for (let turns = 0; what === 'hangs' && turns < 5; turns += 1) {
      await new Promise(setImmediate);
      clock.advance(5_000);
    }

    await expect(deciding).rejects.toMatchObject({ code: 'RESPONDER_REFUSED' });
    expect((await engine.store.request(key('r'), request.id))?.status).toBe('open');
  });

  it('REQ-2: an edit is checked by the schema that came with the request, and by the definition where it is at hand', async () => {
    const schema = { type: 'object', properties: { to: { type: 'string' } }, required: ['to'] };
    const work = {
      ...asking({ schema }),
      checkDecision: (_: Request, { value }: { readonly value?: Json }) =>
        (value as { readonly to: string }).to === 'eve' ? 'not to eve' : undefined,
    };
    const { store, engine, request } = await asked({}, work);
    const elsewhere = engineOn(store, []);
    const edit = (by: Engine, value?: Json) =>
      by.decide(key('r'), request.id, { status: 'edited', ...(value === undefined ? {} : { value }) });

    await expect(edit(elsewhere, { to: 1 })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
      message: expect.stringContaining('to: expected string'),
    });
    await expect(edit(elsewhere)).rejects.toMatchObject({ code: 'DECISION_INVALID' });
    await expect(edit(engine, { to: 'eve' })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
      message: expect.stringContaining('not to eve'),
    });
    expect((await store.request(key('r'), request.id))?.status).toBe('open');

    expect(await edit(elsewhere, { to: 'eve' })).toMatchObject({ outcome: 'decided' });
  });

  it('MCP-4: an answer to a sign-in holds nothing, so what somebody got for it stands in no record', async () => {
    const { store, request } = await asked({}, asking({ kind: 'sign-in' }));
    const elsewhere = engineOn(store, []);
    const answer = (more: { readonly value?: Json }) =>
      elsewhere.decide(key('r'), request.id, { status: 'answered', ...more });

    for (const value of ['token', {}, '', 0])
      await expect(answer({ value })).rejects.toMatchObject({ code: 'DECISION_INVALID' });

    expect((await store.request(key('r'), request.id))?.status).toBe('open');
    expect(await answer({ value: null })).toMatchObject({ outcome: 'decided' });
  });

  it.each([
    ['throws', () => Promise.reject(new Error('broken'))],
    ['hangs', () => new Promise<never>(() => {})],
  ])('I12: a definition that %s while it checks a decision refuses it', async (what, checkDecision) => {
    const clock = fakeClock();
    const { engine, request } = await asked({ clock }, { ...asking(), checkDecision } as ReturnType<typeof asking>);

    const deciding = engine.decide(key('r'), request.id, { status: 'edited', value: 1 });
    deciding.catch(() => {});
    for (let turns = 0; what === 'hangs' && turns < 5; turns += 1) {
      await new Promise(setImmediate);
      clock.advance(5_000);
    }

    await expect(deciding).rejects.toMatchObject({ code: 'DECISION_INVALID' });
    expect((await engine.store.request(key('r'), request.id))?.status).toBe('open');
  });

  it('REQ-1: a decision after the expiry is told that nobody decided in time', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const engine = engineOn(store, [asking({ expiresInMs: 1_000 })], { clock });
    await engine.run('work', null, { id: 'r' });
    clock.advance(1_000);
    const request = await onlyRequest(store);
    expect(request.status).toBe('expired');

    expect(await engine.decide(key('r'), request.id, approved)).toMatchObject({
      outcome: 'already',
      request: { status: 'expired', decision: { status: 'expired' } },
    });

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: { status: 'expired' } });
  });

  it('DEF-3, REQ-1: a misspelt part of a decision is refused, and the request stays open', async () => {
    const store = memoryStore();
    const ask = durable('ask', (ctx) => ctx.request('may-i', { kind: 'approval', body: null }));
    const engine = engineOn(store, [ask]);
    const waiting = await engine.run('ask', null, { id: 'r' });
    if (waiting.status !== 'waiting') throw new Error(waiting.status);
    const [{ request = '' } = {}] = waiting.requests;
    const misspelt = { grants: { scope: 'run' } } as object;

    await expect(engine.decide(key('r'), request, { status: 'approved', ...misspelt })).rejects.toThrow(
      /A decision has no option grants/,
    );
    await expect(createDecisions(engine).approve(key('r'), request, misspelt)).rejects.toThrow(
      /A decision has no option grants/,
    );
    expect(await store.request(key('r'), request)).toMatchObject({ status: 'open' });
  });

  it('REQ-3: a grant comes with an approval, is in force for the run’s steps, and ends when it is revoked', async () => {
    const found: number[] = [];
    const work = durable('work', async (ctx) => {
      await ctx.request('ask', { kind: 'approval', body });
      await ctx.step('first', async ({ grants }) => void found.push((await grants('send')).length));
      await ctx.receive('go');
      await ctx.step('second', async ({ grants }) => void found.push((await grants('send')).length));
    });
    const { store, engine, request } = await asked({}, work);

    await engine.decide(key('r'), request.id, { ...approved, grant: { scope: 'run', part: {} } });
    await engine.drive(key('r'));
    const [grant] = (await store.listGrants({ tenant: 'default', limit: 1 })).items;
    await store.revokeGrant({ tenant: 'default', grant: grant?.id ?? '' });
    await engine.signal(key('r'), 'go', null);
    await engine.drive(key('r'));

    expect(found).toEqual([1, 0]);
  });
});

describe('a request that nobody waits for any more', () => {
  const racing = durable('work', async (ctx) => {
    const over = new AbortController();
    const won = await Promise.race([
      ctx.request('ask', { kind: 'question', body: 'well?', signal: over.signal }).then(({ status }) => status),
      ctx.receive('enough').then(() => 'enough'),
    ]);
    over.abort('too late');
    await ctx.receive('end');
    return won;
  });

  it('REQ-1: is withdrawn when its signal fires, the same way on every replay', async () => {
    const { store, engine, request } = await asked({}, racing);
    await engine.signal(key('r'), 'enough', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'waiting', requests: [] });

    expect(await store.request(key('r'), request.id)).toMatchObject({
      status: 'withdrawn',
      decision: { status: 'withdrawn', reason: 'too late' },
    });
    await engine.signal(key('r'), 'end', null);
    expect(await engineOn(store, [racing]).drive(key('r'))).toMatchObject({ status: 'completed', output: 'enough' });
    const ends = (await entriesOf(store, key('r'))).filter(({ type }) => type === 'wait-end');
    expect(ends).toMatchObject([
      { key: 'enough' },
      { key: 'ask', outcome: { value: { status: 'withdrawn' } } },
      { key: 'end' },
    ]);
  });

  it('REQ-1: that was decided just before keeps its decision', async () => {
    const { store, engine, request } = await asked({}, racing);
    await engine.signal(key('r'), 'enough', null);
    await engine.decide(key('r'), request.id, { status: 'answered', value: 1 });

    await engine.drive(key('r'));

    expect((await store.request(key('r'), request.id))?.status).toBe('answered');
  });

  it('REQ-1, I4: is withdrawn also when its process died at any call of the store on the way', async () => {
    let points = 0;
    for (const when of ['before', 'after'] as const) {
      for (let dieAt = 1; ; dieAt += 1) {
        const clock = fakeClock();
        const { store, engine, request } = await asked({}, racing, memoryStore({ clock }));
        await engine.signal(key('r'), 'enough', null);
        const dying = dyingStore(store, dieAt, when);
        // What stands on a store that died can never be closed.
        const first = createEngine({ store: dying.store, definitions: [racing], limits: { parkAfterMs: 0 } });
        const ended = await Promise.race([first.drive(key('r')), dying.died]);
        if (typeof ended !== 'string') break;
        points += 1;
        clock.advance(60_000); // the lease of the dead has run out

        expect(await engineOn(store, [racing], { clock }).drive(key('r'))).toMatchObject({
          status: 'waiting',
          requests: [],
        });

        expect(await store.request(key('r'), request.id), `${when} call ${dieAt}`).toMatchObject({
          status: 'withdrawn',
          decision: { reason: 'too late' },
        });
      }
    }
    expect(points).toBeGreaterThan(6);
  });

  it('REQ-1: is not opened with a signal that has fired', async () => {
    const store = memoryStore();
    const work = durable('work', (ctx) =>
      ctx.request('ask', { kind: 'question', body: null, signal: AbortSignal.abort(new Error('never')) }),
    );
    expect(await engineOn(store, [work]).run('work', null)).toMatchObject({
      status: 'failed',
      error: { message: 'Error: never' },
    });
    expect((await store.listRequests({ tenant: 'default', limit: 1 })).items).toEqual([]);
  });
});

describe('a run that nobody attends', () => {
  it('REQ-6: is told so at once instead of waiting, and so are its children', async () => {
    const store = memoryStore();
    const child = durable('child', (ctx) => ctx.request('ask', { kind: 'question', body: null }));
    const work = durable('work', async (ctx) => {
      const own = await ctx
        .request('ask', { kind: 'question', body: null })
        .catch(({ code }: { code: string }) => code);
      const other = await ctx.child('c', 'child', null).catch(({ code }: { code: string }) => code);
      return [ctx.run.attended, own, other];
    });

    const result = await engineOn(store, [work, child]).run('work', null, { attended: false });

    expect(result).toMatchObject({ status: 'completed', output: [false, 'RUN_UNATTENDED', 'RUN_UNATTENDED'] });
    expect((await store.listRequests({ tenant: 'default', limit: 1 })).items).toEqual([]);
  });
});

describe('REQ-8: an inbox', () => {
  const twice = durable('work', async (ctx) => {
    await ctx.request('one', { kind: 'question', body: 1 });
    await ctx.request('two', { kind: 'question', body: 2, expiresInMs: 1_000 });
  });
  const said = ({ run, stepKey, status }: Request): string => `${run.run} ${stepKey} ${status}`;

  it('tells what is open, then what is opened and how it is closed, by the clock too', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const engine = engineOn(store, [twice], { clock });
    await engine.run('work', null, { id: 'r' });
    const inbox = engine.watchRequests();

    const first = await inbox.next();
    expect(said(first.value!)).toBe('r one open');
    const next = inbox.next();
    await engine.decide(key('r'), first.value!.id, { status: 'answered', value: 1 });
    expect(said((await next).value!)).toBe('r one answered');
    await engine.drive(key('r'));
    expect(said((await inbox.next()).value!)).toBe('r two open');
    const expired = inbox.next();
    await new Promise(setImmediate);
    clock.advance(1_000);
    expect(said((await expired).value!)).toBe('r two expired');

    const pending = inbox.next();
    await inbox.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
  });

  it('is narrowed to kinds, definitions, trees and tenants', async () => {
    const store = memoryStore();
    const other = durable('other', (ctx) => ctx.request('o', { kind: 'approval', body: null }));
    const engine = engineOn(store, [twice, other]);
    await engine.run('work', null, { id: 'r' });
    await engine.run('other', null, { id: 's' });

    for (const filter of [{ kind: ['approval'] as const }, { definition: 'other' }, { root: 's' }]) {
      const inbox = engine.watchRequests(filter);
      expect(said((await inbox.next()).value!)).toBe('s o open');
      await inbox.return?.();
    }
    const nobody = new AbortController();
    const empty = engine.watchRequests({ tenant: 'nobody', signal: nobody.signal }).next();
    nobody.abort();
    expect(await empty).toEqual({ done: true, value: undefined });
  });

  it('tells a reader who comes back late how things stand, once each', async () => {
    const store = memoryStore();
    const engine = engineOn(store, [twice]);
    const inbox = engine.watchRequests();
    const opened = inbox.next();
    await engine.run('work', null, { id: 'r' });
    const { value } = await opened;
    await engine.decide(key('r'), value!.id, { status: 'answered', value: 1 });
    await engine.drive(key('r'));
    await engine.cancel(key('r'));
    await engine.drive(key('r'));

    expect(said((await inbox.next()).value!)).toBe('r one answered');
    const nothing = inbox.next();
    await inbox.return?.();
    expect((await nothing).done).toBe(true);
  });

  it('I8: watches the store only while somebody waits, and ends with its engine', async () => {
    const inner = memoryStore();
    let watching = 0;
    const store: Store = {
      ...inner,
      watchRequests(tenant, on) {
        watching += 1;
        const watch = inner.watchRequests(tenant, on);
        return { [Symbol.dispose]: () => ((watching -= 1), watch[Symbol.dispose]()) };
      },
    };
    const engine = createEngine({ store, definitions: [twice] });
    await engine.start('work', null, { id: 'r' });
    const inbox = engine.watchRequests();
    expect(watching).toBe(0);
    const waiting = inbox.next();
    waiting.catch(() => {});
    await new Promise(setImmediate);
    expect(watching).toBe(1);

    await engine[Symbol.asyncDispose]();

    await expect(waiting).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
    expect(watching).toBe(0);
  });
});

describe('decisions in the words of people', () => {
  it('REQ-1 REQ-5: a process without definitions finds and decides a request, and the process that has them goes on', async () => {
    const { store, engine, request } = await asked();
    const elsewhere = createDecisions(createEngine({ store, definitions: [] }));

    await expect(elsewhere.answer(key('r'), request.id, 1)).rejects.toMatchObject({ code: 'REQUEST_KIND' });
    await expect(elsewhere.approve(key('r'), 'other')).rejects.toMatchObject({ code: 'REQUEST_UNKNOWN' });
    expect(await elsewhere.approve(key('r'), request.id, { by: 'cli' })).toMatchObject({ outcome: 'decided' });

    expect(await engine.drive(key('r'))).toMatchObject({ output: { status: 'approved', by: 'cli' } });
  });
});
