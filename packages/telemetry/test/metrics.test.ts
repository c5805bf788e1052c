import type { SerializedError } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { expect, it } from 'vitest';
import { telemetry, type HealthFigures, type Telemetry } from '../src/index.ts';
import { byHand, ended, RUN } from './by-hand.ts';
import { pointsOf, recorded } from './recorded.ts';

const CHAT = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.provider.name': 'openai',
  'gen_ai.request.model': 'gpt-x',
  'gen_ai.response.model': 'gpt-x-2026',
};
const MODEL = { key: 'model:1', kind: 'model', name: 'openai.chat/gpt-x' } as const;
const FACTS = { of: 'model', responseModel: 'gpt-x-2026', firstChunkMs: 200 } as const;
const failure = (code: string): { readonly ok: false; readonly error: SerializedError } => ({
  ok: false,
  error: { code, message: 'SECRET', retryable: false },
});

it('TEL-4: model calls are measured by duration, time to the first chunk, tokens and cost', async () => {
  const { drive, metrics } = byHand();
  const driven = drive();

  const usage = {
    inputTokens: 100,
    cachedInputTokens: 40,
    cacheWriteInputTokens: 10,
    outputTokens: 20,
    reasoningTokens: 5,
  };
  driven.execute(MODEL, { usage, costMicros: 7, facts: FACTS }, 2_000);
  driven.execute({ ...MODEL, key: 'model:2' }, { usage, costMicros: 7, facts: FACTS }, 2_000);
  driven.over();

  const all = await metrics();
  const of = (name: string) => pointsOf(all.get(name));
  const counted = { ...CHAT, 'gen_ai.token.modality': 'unknown' };
  expect(of('gen_ai.client.inference.duration')).toEqual([{ attributes: CHAT, value: { count: 2, sum: 4 } }]);
  expect(of('gen_ai.client.inference.time_to_first_chunk')).toEqual([
    { attributes: CHAT, value: { count: 2, sum: 0.4 } },
  ]);
  expect(of('gen_ai.client.inference.operation.input_tokens')).toEqual([
    { attributes: CHAT, value: { count: 2, sum: 200 } },
  ]);
  expect(of('gen_ai.client.inference.operation.output_tokens')).toEqual([
    { attributes: CHAT, value: { count: 2, sum: 40 } },
  ]);
  expect(of('gen_ai.client.inference.usage.input_tokens')).toEqual([{ attributes: counted, value: 200 }]);
  expect(of('gen_ai.client.inference.usage.output_tokens')).toEqual([{ attributes: counted, value: 40 }]);
  expect(of('gen_ai.client.inference.usage.cache_read.input_tokens')).toEqual([{ attributes: counted, value: 80 }]);
  expect(of('gen_ai.client.inference.usage.cache_write.input_tokens')).toEqual([{ attributes: counted, value: 20 }]);
  expect(of('gen_ai.client.inference.usage.reasoning.output_tokens')).toEqual([{ attributes: counted, value: 10 }]);
  expect(of('prusik.usage.cost_micros')).toEqual([{ attributes: CHAT, value: 14 }]);
});

it('TEL-4: a model call that failed is measured with its code', async () => {
  const { drive, metrics } = byHand();
  const driven = drive();

  driven.execute(MODEL, { outcome: failure('MODEL_CALL_FAILED'), usage: { inputTokens: 3 } }, 10);
  driven.over();

  const all = await metrics();
  const { 'gen_ai.response.model': _, ...asked } = CHAT;
  expect(pointsOf(all.get('gen_ai.client.inference.duration'))).toEqual([
    { attributes: { ...asked, 'error.type': 'MODEL_CALL_FAILED' }, value: { count: 1, sum: 0.01 } },
  ]);
  expect(pointsOf(all.get('gen_ai.client.inference.usage.input_tokens'))).toEqual([
    { attributes: { ...asked, 'gen_ai.token.modality': 'unknown' }, value: 3 },
  ]);
});

it('TEL-4: names with spaces make no other names: a step is measured under its own definition', async () => {
  const { drive, metrics } = byHand();
  for (const [run, definition, name] of [
    ['run-1', 'plan', 'a trip'],
    ['run-2', 'plan a', 'trip'],
  ] as const) {
    const driven = drive({ key: { tenant: 'acme', run }, definition });
    driven.execute({ key: 's', name }, {}, 250);
    driven.over();
  }

  const points = pointsOf((await metrics()).get('prusik.step.duration'));
  expect(points.map(({ attributes }) => attributes)).toEqual([
    { 'prusik.run.definition': 'plan', 'prusik.step.name': 'a trip' },
    { 'prusik.run.definition': 'plan a', 'prusik.step.name': 'trip' },
  ]);
});

it('TEL-4: tools, plain steps, retries and waits are measured', async () => {
  const { drive, metrics, clock } = byHand();
  const driven = drive({ definition: 'writer' });

  driven.execute(
    { key: 't', kind: 'tool', name: 'search' },
    { facts: { of: 'tool', callId: 'c', error: 'TOOL_FAILED' } },
    500,
  );
  driven.execute({ key: 's', name: 'charge' }, {}, 250);
  driven.step({ key: 'r', kind: 'tool' }).retry('STEP_FAILED', 10);
  driven.commit({ type: 'wait-start', key: 'w', kind: 'request', fingerprint: '' });
  clock.advance(60_000);
  driven.commit({ type: 'wait-end', key: 'w', kind: 'request', fingerprint: '', outcome: { ok: true } });
  driven.over();

  const all = await metrics();
  expect(pointsOf(all.get('gen_ai.execute_tool.duration'))).toEqual([
    {
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'search',
        'gen_ai.tool.type': 'function',
        'error.type': 'TOOL_FAILED',
      },
      value: { count: 1, sum: 0.5 },
    },
  ]);
  expect(pointsOf(all.get('prusik.step.duration'))).toEqual([
    { attributes: { 'prusik.run.definition': 'writer', 'prusik.step.name': 'charge' }, value: { count: 1, sum: 0.25 } },
  ]);
  expect(pointsOf(all.get('prusik.step.retries'))).toEqual([
    { attributes: { 'prusik.step.kind': 'tool', 'error.type': 'STEP_FAILED' }, value: 1 },
  ]);
  expect(pointsOf(all.get('prusik.wait.duration'))).toEqual([
    { attributes: { 'prusik.wait.kind': 'request', 'prusik.wait.timed_out': false }, value: { count: 1, sum: 60 } },
  ]);
});

it('TEL-4: each drive of an agent or a workflow is measured, and each end of a run once', async () => {
  const { drive, metrics, clock } = byHand();

  const first = drive();
  first.execute(MODEL, {}, 1_000);
  first.execute({ key: 't', kind: 'tool', name: 'search' });
  first.over('parked');
  clock.advance(9_000);
  const second = drive({}, { epoch: 2 });
  second.commit({ type: 'run-end', status: 'failed', error: failure('RUN_FAILED').error });
  second.over();
  drive({ kind: 'function' }).over();

  const all = await metrics();
  const agent = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'writer' };
  const failed = { ...agent, 'error.type': 'RUN_FAILED' };
  expect(pointsOf(all.get('gen_ai.invoke_agent.duration'))).toEqual([
    { attributes: agent, value: { count: 1, sum: 1 } },
    { attributes: failed, value: { count: 1, sum: 0 } },
  ]);
  expect(pointsOf(all.get('gen_ai.invoke_agent.inference_calls'))).toEqual([
    { attributes: agent, value: { count: 1, sum: 1 } },
    { attributes: failed, value: { count: 1, sum: 0 } },
  ]);
  expect(pointsOf(all.get('gen_ai.invoke_agent.tool_calls'))[0]).toEqual({
    attributes: agent,
    value: { count: 1, sum: 1 },
  });
  expect(pointsOf(all.get('prusik.run.duration'))).toEqual([
    {
      attributes: {
        'prusik.run.kind': 'agent',
        'prusik.run.definition': 'writer',
        'prusik.run.status': 'failed',
        'error.type': 'RUN_FAILED',
      },
      value: { count: 1, sum: 10 },
    },
  ]);
  expect(pointsOf(all.get('prusik.drive.active')).map(({ value }) => value)).toEqual([0, 0]);
});

it('TEL-4: a lost lease is counted by the drive that took over, once it has committed, and a block with its code', async () => {
  const { drive, metrics } = byHand();
  const claim = { type: 'run-claim', worker: 'w', epoch: 2, definitionHash: '' } as const;

  const taken = drive({}, { epoch: 2, attempt: 2 });
  const before = await metrics();
  taken.commit({ ...claim, attempt: 2 }, { type: 'run-block', code: 'RUN_POISONED', message: 'SECRET', request: 'r' });
  drive({}, { epoch: 3 }).commit({ ...claim, epoch: 3, attempt: 1 });

  const after = await metrics();
  const definition = { 'prusik.run.kind': 'agent', 'prusik.run.definition': 'writer' };
  expect(before.has('prusik.lease.lost')).toBe(false);
  expect(pointsOf(after.get('prusik.lease.lost'))).toEqual([{ attributes: definition, value: 1 }]);
  expect(pointsOf(after.get('prusik.run.blocks'))).toEqual([
    { attributes: { ...definition, 'error.type': 'RUN_POISONED' }, value: 1 },
  ]);
});

it('TEL-4: commits, the lag of readers, places of workers and warnings are measured', async () => {
  const { watching, metrics } = byHand();

  watching.event({ type: 'commit', run: RUN.key, ms: 3, outcome: 'committed' });
  watching.event({ type: 'commit', run: RUN.key, ms: 5, outcome: 'stale' });
  watching.event({ type: 'event-lag', ms: 20 });
  watching.event({ type: 'worker', worker: 'w', did: 'start', slots: 8 });
  watching.event({ type: 'worker', worker: 'v', did: 'start', slots: 2 });
  watching.event({ type: 'worker', worker: 'w', did: 'stop', slots: 8 });
  watching.event({ type: 'warning', code: 'CLAIM_FAILED' });

  const all = await metrics();
  expect(pointsOf(all.get('prusik.commit.duration'))).toEqual([
    { attributes: {}, value: { count: 1, sum: 0.003 } },
    { attributes: { 'prusik.commit.outcome': 'stale' }, value: { count: 1, sum: 0.005 } },
  ]);
  expect(pointsOf(all.get('prusik.event.lag'))).toEqual([{ attributes: {}, value: { count: 1, sum: 0.02 } }]);
  expect(pointsOf(all.get('prusik.worker.slots'))).toEqual([{ attributes: {}, value: 2 }]);
  expect(pointsOf(all.get('prusik.warnings'))).toEqual([
    { attributes: { 'prusik.warning.code': 'CLAIM_FAILED' }, value: 1 },
  ]);
});

it('TEL-4: the queue of a store is shown when metrics are collected', async () => {
  let asked = 0;
  const { watching, metrics } = byHand({
    health: async () => {
      asked += 1;
      return { runs: { queued: 4, running: 2, waiting: 30, blocked: 1 }, queue: { oldestMs: 1_500 } };
    },
  });

  const all = await metrics();
  expect(asked).toBe(1);
  expect(pointsOf(all.get('prusik.runs'))).toEqual(
    Object.entries({ queued: 4, running: 2, waiting: 30, blocked: 1 }).map(([status, value]) => ({
      attributes: { 'prusik.run.status': status },
      value,
    })),
  );
  expect(pointsOf(all.get('prusik.queue.oldest'))).toEqual([{ attributes: {}, value: 1.5 }]);

  watching[Symbol.dispose]();
  await metrics();
  expect(asked).toBe(1);
});

it('TEL-4: the health that a store tells is what is shown', async () => {
  const store = memoryStore();
  const { metrics } = byHand({ health: () => store.health() });
  await store.start({
    key: { tenant: 'default', run: 'r' },
    kind: 'function',
    definition: 'job',
    version: '1',
    input: null,
    inputHash: '',
    context: null,
    priority: 0,
    messages: [],
    root: 'r',
    depth: 0,
  });

  const points = pointsOf((await metrics()).get('prusik.runs'));
  expect(Object.fromEntries(points.map(({ attributes, value }) => [attributes['prusik.run.status'], value]))).toEqual({
    queued: 1,
    running: 0,
    waiting: 0,
    blocked: 0,
  });
  await store[Symbol.asyncDispose]();
});

it('TEL-3: a store that fails to say how it is, or hangs, is not shown, is asked once at a time, and hides no other metric', async () => {
  const failing = byHand({ health: () => Promise.reject(new Error('SECRET')) });
  failing.watching.event({ type: 'event-lag', ms: 1 });
  expect([...(await failing.metrics()).keys()]).toEqual(['prusik.event.lag']);

  let asked = 0;
  const begun = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<HealthFigures>();
  const hanging = byHand({
    health: () => {
      asked += 1;
      begun.resolve();
      return promise;
    },
  });
  hanging.watching.event({ type: 'event-lag', ms: 1 });
  const first = hanging.metrics();
  await begun.promise;
  hanging.clock.advance(5_000);
  expect([...(await first).keys()]).toEqual(['prusik.event.lag']);
  expect([...(await hanging.metrics()).keys()]).toEqual(['prusik.event.lag']);
  expect(asked).toBe(1);

  resolve({ runs: { queued: 3 }, queue: { oldestMs: null } });
  await promise;
  const all = await hanging.metrics();
  expect(asked).toBe(2);
  expect(pointsOf(all.get('prusik.runs'))).toEqual([{ attributes: { 'prusik.run.status': 'queued' }, value: 3 }]);
});

it('TEL-3: no metric has more sets of attributes than 1,000, whatever names there are', async () => {
  const { drive, metrics } = byHand();
  const driven = drive();

  for (let tool = 0; tool < 1_500; tool += 1)
    driven.commit(
      ended({ key: `t${tool}`, kind: 'tool', name: `tool-${tool}` }),
      ended({ key: `m${tool}`, kind: 'model', name: `acme/m-${tool}` }, { costMicros: 1 }),
    );
  for (let tool = 0; tool < 1_500; tool += 1) driven.execute({ key: `t${tool}`, kind: 'tool', name: `tool-${tool}` });
  driven.over();

  const all = await metrics();
  for (const name of ['gen_ai.execute_tool.duration', 'prusik.usage.cost_micros']) {
    const points = pointsOf(all.get(name));
    expect(points).toHaveLength(1_001);
    expect(points.filter(({ attributes }) => attributes['otel.metric.overflow'] === true)).toHaveLength(1);
  }
});

it('I11: no metric names a run, a session, a call, a key, or what an error said', async () => {
  const { drive, metrics } = byHand();
  const driven = drive(
    { key: { tenant: 'ID-t', run: 'ID-run' }, root: 'ID-root', session: 'ID-session' },
    { worker: 'ID-worker' },
  );

  driven.execute({ key: 'ID-key', kind: 'tool', name: 'search' }, { facts: { of: 'tool', callId: 'ID-call' } });
  driven.execute(MODEL, { facts: { ...FACTS, responseId: 'ID-response' }, outcome: failure('SECRET text') });
  driven.commit({ type: 'run-end', status: 'failed', error: failure('X').error });
  driven.over();

  const told = JSON.stringify([...(await metrics()).values()].map(pointsOf));
  expect(told).toContain('search');
  expect(told).not.toMatch(/ID-|SECRET/);
});

it('TEL-4: the observers of several engines add to one metric of their provider', async () => {
  const sdk = recorded();
  const used = (watching: Telemetry, inputTokens: number): void => {
    const drive = watching.drive(RUN, { epoch: 1, attempt: 1, worker: 'w', at: 0, waits: [] });
    drive.committed([{ ...ended(MODEL, { usage: { inputTokens } }), seq: 2, at: 1 }], []);
    drive.over('ended');
  };
  const { tracerProvider, meterProvider } = sdk;
  const [one, other] = [telemetry({ tracerProvider, meterProvider }), telemetry({ tracerProvider, meterProvider })];

  used(one, 10);
  used(other, 20);
  await sdk.metrics();
  used(one, 10);
  used(other, 20);

  const counted = (await sdk.metrics()).get('gen_ai.client.inference.usage.input_tokens');
  expect(pointsOf(counted).map(({ value }) => value)).toEqual([60]);
});

it('TEL-3: what a redactor does wrong costs neither the span nor what else was committed', async () => {
  const fail = (): never => {
    throw new Error('it does not work');
  };
  const { drive, spans, metrics } = byHand({ capture: { errors: 'full' }, redactor: { text: fail, json: fail } });
  const driven = drive();
  driven.step(MODEL);

  expect(() =>
    driven.commit(ended(MODEL, { usage: { inputTokens: 5 }, outcome: failure('BROKEN') }), {
      type: 'run-end',
      status: 'completed',
    }),
  ).toThrow('it does not work');
  driven.over();

  const all = await metrics();
  expect(spans().map(({ name }) => name)).toEqual(['chat gpt-x', 'invoke_agent writer']);
  expect(pointsOf(all.get('gen_ai.client.inference.usage.input_tokens')).map(({ value }) => value)).toEqual([5]);
  expect(pointsOf(all.get('prusik.run.duration'))).toHaveLength(1);
});

it('TEL-3: a processor of spans that throws leaves no drive counted as active', async () => {
  const throwing: SpanProcessor = {
    onStart() {},
    onEnd() {
      throw new Error('it does not work');
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const { tracerProvider, meterProvider, metrics } = recorded(throwing);
  const watching = telemetry({ tracerProvider, meterProvider });
  const drive = watching.drive(RUN, { epoch: 1, attempt: 1, worker: 'w', at: 0, waits: [] });
  drive.step({ key: 'one', kind: 'step', effect: 'repeatable', attempt: 1 });

  expect(() => drive.over('superseded')).toThrow('it does not work');

  expect(pointsOf((await metrics()).get('prusik.drive.active')).map(({ value }) => value)).toEqual([0]);
});
