import {
  PrusikError,
  type CallAnswer,
  type CallAnswers,
  type CallNeeds,
  type CallResult,
  type JsonObject,
} from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { watcher } from './calls-over.ts';
import { unavailable } from '../src/errors.ts';
import { rawServer, type RawServer, type Rpc } from './raw-server.ts';

const requestedSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1, pattern: '(a+)+$' },
    nights: { type: 'integer', minimum: 1, default: 2 },
  },
  required: ['name', 'nights'],
};
const QUESTION = { message: 'Which hut?', requestedSchema };
const done = (words = 'booked'): JsonObject => ({ content: [{ type: 'text', text: words }] });

const paramsOf = ({ params }: Rpc): JsonObject => params as JsonObject;

async function needsOf(result: Promise<CallResult>): Promise<CallNeeds> {
  const needs = await result;
  if (needs.type !== 'needs') throw new Error(`It needs nothing: ${JSON.stringify(needs)}`);
  return needs;
}

const answered = (value: JsonObject): CallAnswer => ({ status: 'answered', value });

const goOn = (server: RawServer, { state, needs }: CallNeeds, answer: CallAnswer, more = {}): Promise<CallResult> => {
  const answers: CallAnswers['answers'] = Object.fromEntries(Object.keys(needs).map((key) => [key, answer]));
  return server.call({ ...more, continues: { state, answers } }, watcher());
};

let id = 100;
/** Asks as servers before 2026-07-28 do. */
function ask(server: RawServer, method: string, params: JsonObject): number {
  id += 1;
  server.say({ id, method, params });
  return id;
}

const elicited = async (server: RawServer, params: JsonObject = QUESTION): Promise<CallNeeds> => {
  const result = server.call();
  await server.next('tools/call');
  ask(server, 'elicitation/create', params);
  return needsOf(result);
};

describe('a question in the middle of a call, 2025-11-25', () => {
  it('MCP-5, REQ-6: is a need with a form of the flat kind, and the answer goes on with the very same call', async () => {
    const clock = fakeClock();
    const server = await rawServer({ clock, limits: { totalMs: 60_000 } });
    const result = server.call();
    const request = await server.next('tools/call');
    ask(server, 'elicitation/create', QUESTION);
    const needs = await needsOf(result);

    expect(needs.needs).toEqual({
      '1': {
        kind: 'question',
        body: { mode: 'form', text: 'Which hut?', server: 'raw' },
        schema: {
          type: 'object',
          properties: {
            name: { type: 'string', minLength: 1 },
            nights: { type: 'integer', minimum: 1, default: 2 },
          },
          required: ['name'],
          additionalProperties: false,
        },
        expiresInMs: 60_000,
      },
    });
    expect(server.held).toBe(1);
    const going = goOn(server, needs, answered({ name: 'Oberwalder' }));
    expect((await server.next('answer'))['result']).toEqual({
      action: 'accept',
      content: { name: 'Oberwalder', nights: 2 },
    });
    server.answer(request, done());
    expect(await going).toEqual({ type: 'outcome', parts: ['booked'] });
    expect(server.received.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
    expect(server.held).toBe(0);
  });

  it.each([
    ['rejected', { action: 'decline' }],
    ['expired', { action: 'cancel' }],
    ['unavailable', { action: 'cancel' }],
  ] as const)('REQ-6: a question that is %s is told as %j', async (status, told) => {
    const server = await rawServer();
    const needs = await elicited(server);
    void goOn(server, needs, { status });

    expect((await server.next('answer'))['result']).toEqual(told);
  });

  it('MCP-5: an answer that does not fit the form never reaches the server', async () => {
    const server = await rawServer();
    void goOn(server, await elicited(server), answered({ name: '', nights: 0, admin: true }));

    expect((await server.next('answer'))['result']).toEqual({ action: 'cancel' });
  });

  it('MCP-5: several questions at once are one round, and a further one is another', async () => {
    const server = await rawServer();
    const result = server.call();
    const request = await server.next('tools/call');
    ask(server, 'elicitation/create', QUESTION);
    ask(server, 'elicitation/create', { ...QUESTION, message: 'And when?' });
    const first = await needsOf(result);
    const going = goOn(server, first, answered({ name: 'x' }));
    await server.next('answer');
    ask(server, 'elicitation/create', { ...QUESTION, message: 'Sure?' });
    const asked = [first, await needsOf(going)].flatMap(({ needs }) =>
      Object.values(needs).map((need) => (need.kind === 'question' ? need.body['text'] : need.kind)),
    );

    expect(asked.toSorted()).toEqual(['And when?', 'Sure?', 'Which hut?']);
    void server.answer(request, done());
  });

  it('MCP-2: silence of the server counts again once the person has answered, and all of it ends at totalMs', async () => {
    const clock = fakeClock();
    const server = await rawServer({ clock, limits: { callMs: 1_000, totalMs: 10_000 } });
    const needs = await elicited(server);
    clock.advance(9_000);
    const late = goOn(server, needs, answered({ name: 'x' })).catch((error: unknown) => error);
    await server.next('answer');
    clock.advance(1_000);

    expect(await late).toMatchObject({ code: 'MCP_CALL_TIMEOUT', meta: { inDoubt: true, limit: 'totalMs' } });
    expect(server.held).toBe(0);
  });

  it('MCP-2, I9: a question whose call is over before anybody has answered is told so to the server, and takes nothing any more', async () => {
    const clock = fakeClock();
    const server = await rawServer({ clock, limits: { totalMs: 10_000 } });
    await elicited(server);
    clock.advance(10_000);

    expect((await server.next('answer'))['result']).toEqual({ action: 'cancel' });
    expect(server.held).toBe(0);
  });

  it('MCP-2, I4: a call whose process is gone is lost: of effect once it is in doubt, and nothing is sent', async () => {
    const needs = await elicited(await rawServer());
    const elsewhere = await rawServer();

    await expect(goOn(elsewhere, needs, answered({ name: 'x' }))).rejects.toMatchObject({
      code: 'MCP_CALL_LOST',
      meta: { inDoubt: true },
    });
    expect(elsewhere.received).toEqual([]);
  });

  it('MCP-2, I4: a repeatable one is called from the start, and what it asks again has its answer already', async () => {
    const needs = await elicited(await rawServer());
    const elsewhere = await rawServer();
    const going = goOn(elsewhere, needs, answered({ name: 'Oberwalder' }), { effect: 'repeatable' });
    const request = await elsewhere.next('tools/call');
    ask(elsewhere, 'elicitation/create', QUESTION);

    expect((await elsewhere.next('answer'))['result']).toMatchObject({ action: 'accept' });
    elsewhere.answer(request, done());
    expect(await going).toEqual({ type: 'outcome', parts: ['booked'] });
  });

  it('MCP-2: a call that is answered before the person is keeps its result for them', async () => {
    const server = await rawServer();
    const result = server.call();
    const request = await server.next('tools/call');
    ask(server, 'elicitation/create', QUESTION);
    const needs = await needsOf(result);
    server.answer(request, done('without you'));

    expect(await goOn(server, needs, answered({ name: 'x' }))).toEqual({ type: 'outcome', parts: ['without you'] });
  });

  it('MCP-2: where calls of two runs are open, the one that waits longer than the others is asked', async () => {
    const server = await rawServer();
    const mine = server.call({}, watcher({ asker: 'run-1' }));
    const other = server.call({}, watcher({ asker: 'run-2' }));
    await server.next('tools/call');
    const request = await server.next('tools/call');
    ask(server, 'elicitation/create', QUESTION);
    void server.call({}, watcher({ asker: 'run-3' }));
    await server.next('tools/call');
    server.answer(request, done('other'));

    expect(await other).toEqual({ type: 'outcome', parts: ['other'] });
    expect(await needsOf(mine)).toMatchObject({ needs: { '1': { body: { text: 'Which hut?' } } } });
  });

  it('MCP-2: where both wait nobody is asked, since the server does not say whose question it is', async () => {
    const clock = fakeClock();
    const server = await rawServer({ clock });
    void server.call({}, watcher({ asker: 'run-1' }));
    void server.call({}, watcher({ asker: 'run-2' }));
    await server.next('tools/call');
    await server.next('tools/call');
    ask(server, 'elicitation/create', QUESTION);
    const told = server.next('answer');
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1_000);

    expect((await told)['result']).toEqual({ action: 'cancel' });
    expect(server.oddities).toEqual([
      'The server asked something while it executed calls of several runs, so nobody was asked',
    ]);
  });

  it('MCP-2, I9: a flood of questions is answered without a person past 16 of a call, and outside of calls', async () => {
    const server = await rawServer();
    ask(server, 'elicitation/create', QUESTION);
    expect((await server.next('answer'))['result']).toEqual({ action: 'cancel' });
    const result = server.call();
    await server.next('tools/call');
    for (let n = 0; n < 500; n += 1) ask(server, 'elicitation/create', { ...QUESTION, message: `${n}` });
    let needs = await needsOf(result);
    let asked = Object.keys(needs.needs).length;
    while (asked < 16) {
      needs = await needsOf(goOn(server, needs, { status: 'rejected' }));
      asked += Object.keys(needs.needs).length;
    }
    for (let n = 0; n < 484; n += 1) await server.next('answer');

    expect(asked).toBe(16);
  });

  it('MCP-5: with `elicitation: decline` every question is declined, and none is a need', async () => {
    const server = await rawServer({ asks: { elicitation: 'decline' } });
    const result = server.call();
    const request = await server.next('tools/call');
    ask(server, 'elicitation/create', QUESTION);
    expect((await server.next('answer'))['result']).toEqual({ action: 'decline' });
    server.answer(request, done());

    expect(await result).toMatchObject({ type: 'outcome' });
  });

  it.each([
    ['a nested form', { type: 'object', properties: { a: { type: 'object', properties: {} } } }],
    ['no properties', { type: 'object' }],
    ['a reference', { type: 'object', properties: { a: { $ref: 'https://evil.test/schema' } } }],
  ])('MCP-5: %s is no question', async (_, schema) => {
    const server = await rawServer({ era: 'modern' });
    const result = server.call();
    const params = { message: 'x', requestedSchema: schema };
    server.answer(await server.next('tools/call'), {
      resultType: 'input_required',
      inputRequests: { a: { method: 'elicitation/create', params } },
    });
    const again = await server.next('tools/call');

    expect(paramsOf(again)['inputResponses']).toEqual({ a: { action: 'cancel' } });
    server.answer(again, { resultType: 'complete', ...done() });
    expect(await result).toMatchObject({ type: 'outcome' });
  });

  it.each([
    'http://evil.test/',
    'https://user:pw@evil.test/',
    'javascript:alert(1)',
    `https://a.test/${'x'.repeat(9_000)}`,
  ])('MCP-5: nobody is sent to %s', async (url) => {
    const server = await rawServer();
    const result = server.call();
    const request = await server.next('tools/call');
    ask(server, 'elicitation/create', { mode: 'url', message: 'Go', url, elicitationId: '1' });
    expect((await server.next('answer'))['result']).toEqual({ action: 'cancel' });
    server.answer(request, done());

    expect(await result).toMatchObject({ type: 'outcome' });
  });

  it('MCP-5: an address is shown with its origin as it is resolved, and an answer says that somebody went there', async () => {
    const server = await rawServer();
    const needs = await elicited(server, {
      mode: 'url',
      message: 'Sign\u202e here',
      url: 'https://аpple.test/x?y',
      elicitationId: 'e',
    });

    expect(needs.needs['1']).toMatchObject({
      kind: 'question',
      body: {
        mode: 'url',
        text: 'Sign here',
        url: 'https://xn--pple-43d.test/x?y',
        origin: 'https://xn--pple-43d.test',
      },
    });
    void goOn(server, needs, { status: 'answered', value: null });
    expect((await server.next('answer'))['result']).toEqual({ action: 'accept' });
  });

  it('MCP-5: an error that wants somebody at an address first is a need, and the call is made once more afterwards', async () => {
    const server = await rawServer();
    const result = server.call();
    const elicitations = [{ mode: 'url', elicitationId: 'e', url: 'https://bank.test/', message: 'Allow it' }];
    const refuse = ({ id: at }: Rpc): void =>
      server.say({ id: at ?? 0, error: { code: -32_042, message: 'URL first', data: { elicitations } } });
    refuse(await server.next('tools/call'));
    const needs = await needsOf(result);
    expect(needs.needs['1']).toMatchObject({ kind: 'question', body: { mode: 'url', url: 'https://bank.test/' } });

    const going = goOn(server, needs, { status: 'answered', value: null });
    server.answer(await server.next('tools/call'), done());
    expect(await going).toEqual({ type: 'outcome', parts: ['booked'] });
    await expect(goOn(server, needs, { status: 'rejected' })).rejects.toMatchObject({ code: 'MCP_ASK_REFUSED' });
  });
});

describe('a server that nobody has signed in to', () => {
  const required = new PrusikError('MCP_SIGN_IN_REQUIRED', 'Somebody has to sign in', {
    meta: { server: 'raw', issuer: 'https://id.test', scope: 'climb', sent: false },
  });

  it('MCP-5: is a need, and the call is made when somebody has', async () => {
    const server = await rawServer();
    const needs = await needsOf(server.call({ use: () => Promise.reject(required) }));
    expect(needs.needs).toEqual({
      '1': {
        kind: 'sign-in',
        body: { text: 'Somebody has to sign in', server: 'raw', issuer: 'https://id.test', scope: 'climb' },
      },
    });

    const going = goOn(server, needs, { status: 'answered', value: null });
    server.answer(await server.next('tools/call'), done());
    expect(await going).toEqual({ type: 'outcome', parts: ['booked'] });
    await expect(goOn(server, needs, { status: 'expired' })).rejects.toMatchObject({ code: 'MCP_SIGN_IN_REQUIRED' });
  });

  it('MCP-5: is an error where nobody is there, and one that is never satisfied is asked for 8 times', async () => {
    const server = await rawServer();
    const use = (): Promise<never> => Promise.reject(required);
    await expect(server.call({ use }, watcher({ asker: undefined }))).rejects.toBe(required);
    let needs = await needsOf(server.call({ use }));
    for (let round = 1; round < 8; round += 1)
      needs = await needsOf(goOn(server, needs, { status: 'answered', value: null }, { use }));

    await expect(goOn(server, needs, { status: 'answered', value: null }, { use })).rejects.toBe(required);
  });
});

describe('what a server wants before it goes on, 2026-07-28', () => {
  const required = (inputRequests: JsonObject, requestState = 'opaque'): JsonObject => ({
    resultType: 'input_required',
    inputRequests,
    requestState,
  });
  const form = { method: 'elicitation/create', params: QUESTION };

  it('MCP-5, REQ-6: is a need, and any process goes on with a request that carries the answers and the state', async () => {
    const server = await rawServer({ era: 'modern' });
    const result = server.call();
    server.answer(await server.next('tools/call'), required({ hut: form }));
    const needs = await needsOf(result);
    expect(server.held).toBe(0);

    const elsewhere = await rawServer({ era: 'modern' });
    const going = goOn(elsewhere, JSON.parse(JSON.stringify(needs)) as CallNeeds, answered({ name: 'Oberwalder' }));
    const request = await elsewhere.next('tools/call');
    expect(paramsOf(request)).toMatchObject({
      name: 'climb',
      arguments: { route: 'north' },
      requestState: 'opaque',
      inputResponses: { hut: { action: 'accept', content: { name: 'Oberwalder', nights: 2 } } },
    });
    elsewhere.answer(request, { resultType: 'complete', ...done() });
    expect(await going).toEqual({ type: 'outcome', parts: ['booked'] });
  });

  it('MCP-5: roots are answered without a person, and are the workspace alone', async () => {
    const server = await rawServer({ era: 'modern', directory: '/workspace' });
    const result = server.call();
    server.answer(await server.next('tools/call'), required({ r: { method: 'roots/list' } }));
    const again = await server.next('tools/call');
    server.answer(again, { resultType: 'complete', ...done() });

    expect(await result).toMatchObject({ type: 'outcome' });
    expect(paramsOf(again)['inputResponses']).toEqual({
      r: { roots: [{ uri: 'file:///workspace', name: 'workspace' }] },
    });
  });

  it.each([
    ['once', 'MCP_CALL_LOST', { inDoubt: true }],
    ['repeatable', 'MCP_UNAVAILABLE', { sent: false }],
  ] as const)(
    'MCP-2: that cannot be answered is in doubt, and is not begun anew, unless it may be repeated: %s',
    async (effect, code, meta) => {
      const options: { era: 'modern'; unsendable?: Error } = { era: 'modern' };
      const server = await rawServer(options);
      const called = server.call({ effect }).catch((error: unknown) => error);
      const first = await server.next('tools/call');
      options.unsendable = unavailable('raw', 'it is gone');
      server.answer(first, { resultType: 'input_required', requestState: 'half-way' });

      expect(await called).toMatchObject({ code, meta });
      expect(server.received.filter(({ method }) => method === 'tools/call')).toEqual([first]);
    },
  );

  it('MCP-2, I9: a server that asks again and again is given up after 8 rounds', async () => {
    const server = await rawServer({ era: 'modern' });
    const result = server.call().catch((error: unknown) => error);
    for (let n = 0; n < 9; n += 1)
      server.answer(await server.next('tools/call'), { resultType: 'input_required', requestState: `${n}` });

    expect(await result).toMatchObject({ code: 'MCP_ASK_REFUSED', message: expect.stringContaining('8') as string });
    expect(server.received).toHaveLength(9);
  });

  it.each([
    ['64 KiB of state', () => required({ a: form }, 'x'.repeat(65_536))],
    ['17 things at once', () => required(Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`${n}`, form])))],
    ['something unknown', () => required({ a: { method: 'files/take' } })],
    [
      'a reply of a model that is not switched on',
      () => required({ a: { method: 'sampling/createMessage', params: {} } }),
    ],
  ])('MCP-2, I9: %s is refused, and the call is over', async (_, result) => {
    const server = await rawServer({ era: 'modern' });
    const call = server.call();
    server.answer(await server.next('tools/call'), result());

    await expect(call).rejects.toMatchObject({ code: 'MCP_ASK_REFUSED' });
    expect(server.received).toHaveLength(1);
  });
});

describe('a server that asks a model', () => {
  const prompt = {
    messages: [
      { role: 'user', content: { type: 'text', text: 'Sum up' } },
      { role: 'user', content: { type: 'image', mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
    ],
    systemPrompt: 'Be brief',
    maxTokens: 9_000,
    modelPreferences: { hints: [{ name: 'the-dearest' }] },
  };
  const sampling = { model: 'small', maxTokens: 500 };

  it('MCP-5: is refused unless that is switched on', async () => {
    const server = await rawServer();
    const result = server.call();
    const request = await server.next('tools/call');
    ask(server, 'sampling/createMessage', prompt);

    expect((await server.next('answer'))['error']).toMatchObject({ code: -32_601 });
    server.answer(request, done());
    expect(await result).toMatchObject({ type: 'outcome' });
  });

  it('MCP-5: has the model and the bound that its options name, and is told the reply', async () => {
    const server = await rawServer({ asks: { sampling } });
    const result = server.call();
    await server.next('tools/call');
    ask(server, 'sampling/createMessage', prompt);
    const needs = await needsOf(result);

    expect(needs.needs['1']).toEqual({
      kind: 'sample',
      model: 'small',
      maxTokens: 500,
      system: 'Be brief',
      messages: [
        { role: 'user', content: ['Sum up'] },
        { role: 'user', content: [{ type: 'file', mediaType: 'image/png', data: { base64: 'iVBORw0KGgo=' } }] },
      ],
    });
    void goOn(server, needs, { status: 'sampled', text: 'Short.', model: 'small-1', finish: 'length' });
    expect((await server.next('answer'))['result']).toEqual({
      role: 'assistant',
      content: { type: 'text', text: 'Short.' },
      model: 'small-1',
      stopReason: 'maxTokens',
    });
  });

  it('MCP-5: a refusal is told as one', async () => {
    const server = await rawServer({ asks: { sampling } });
    const result = server.call();
    await server.next('tools/call');
    ask(server, 'sampling/createMessage', prompt);
    void goOn(server, await needsOf(result), { status: 'unavailable' });

    expect((await server.next('answer'))['error']).toMatchObject({ code: -1 });
  });
});

it('MCP-5: roots of a server before 2026-07-28 are the workspace alone, and a server elsewhere has none', async () => {
  const server = await rawServer({ directory: '/workspace' });
  ask(server, 'roots/list', {});
  expect((await server.next('answer'))['result']).toEqual({ roots: [{ uri: 'file:///workspace', name: 'workspace' }] });

  const elsewhere = await rawServer({ asks: { roots: false } });
  ask(elsewhere, 'roots/list', {});
  expect((await elsewhere.next('answer'))['error']).toMatchObject({ code: -32_601 });
});
