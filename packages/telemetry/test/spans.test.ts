import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { byHand, ended, traceparent } from './by-hand.ts';
import { endOf, idOf, parentOf, startOf, traceOf } from './recorded.ts';

it('TEL-1: a drive of an agent is a span with its names, its place in the tree, its lease and its limits', () => {
  const { drive, span } = byHand();

  drive(
    { session: 's-1', root: 'top', depth: 2, parent: { run: 'boss', key: 'hire' } },
    { epoch: 4, attempt: 2, budget: { calls: 9, tokens: 1_000, costMicros: 5, runs: 3 } },
  ).over('parked');

  const { kind, attributes, status } = span('invoke_agent writer');
  expect(kind).toBe(SpanKind.INTERNAL);
  expect(status).toEqual({ code: SpanStatusCode.UNSET });
  expect(attributes).toEqual({
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.name': 'writer',
    'gen_ai.agent.version': '3',
    'gen_ai.conversation.id': 's-1',
    'prusik.tenant': 'acme',
    'prusik.run.id': 'run-1',
    'prusik.run.kind': 'agent',
    'prusik.run.version': '3',
    'prusik.run.depth': 2,
    'prusik.root.id': 'top',
    'prusik.parent.id': 'boss',
    'prusik.worker': 'w-1',
    'prusik.drive.epoch': 4,
    'prusik.drive.attempt': 2,
    'prusik.drive.over': 'parked',
    'prusik.budget.calls': 9,
    'prusik.budget.tokens': 1_000,
    'prusik.budget.cost_micros': 5,
    'prusik.budget.runs': 3,
  });
});

it('TEL-1: workflows have the operation of the conventions, and plain functions a name of ours', () => {
  const { drive, span } = byHand();

  drive({ kind: 'workflow', definition: 'order' }).over();
  drive({ kind: 'function', definition: 'job' }).over();

  expect(span('invoke_workflow order').attributes).toMatchObject({
    'gen_ai.operation.name': 'invoke_workflow',
    'gen_ai.agent.name': 'order',
  });
  const job = span('prusik.run job').attributes;
  expect(job).toMatchObject({ 'prusik.run.definition': 'job', 'prusik.run.kind': 'function' });
  expect(job).not.toHaveProperty(['gen_ai.operation.name']);
});

it('TEL-1: a model step is one client span with the usage of all its executions, and no other span has usage', () => {
  const { drive, span, spans } = byHand();
  const driven = drive({ session: 's-1' });

  driven.execute(
    { key: 'model:1', kind: 'model', name: 'openai.responses/gpt-x', attempt: 1 },
    {
      attempt: 2,
      usage: {
        inputTokens: 100,
        cachedInputTokens: 40,
        cacheWriteInputTokens: 10,
        outputTokens: 20,
        reasoningTokens: 5,
        estimated: true,
      },
      costMicros: 77,
      facts: {
        of: 'model',
        answered: 'anthropic.messages/claude-y',
        responseModel: 'claude-y-2026',
        responseId: 'resp-1',
        finish: 'tool-calls',
        firstChunkMs: 250,
        json: true,
        failed: [{ model: 'openai.responses/gpt-x', why: 'overloaded' }],
      },
      absorbed: ['steered-1'],
    },
    1_500,
  );
  driven.over();

  const chat = span('chat gpt-x');
  expect(chat.kind).toBe(SpanKind.CLIENT);
  expect(chat.attributes).toEqual({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-x',
    'gen_ai.request.stream': true,
    'gen_ai.conversation.id': 's-1',
    'gen_ai.response.model': 'claude-y-2026',
    'gen_ai.response.id': 'resp-1',
    'gen_ai.response.finish_reasons': ['tool_call'],
    'gen_ai.response.time_to_first_chunk': 0.25,
    'gen_ai.output.type': 'json',
    'gen_ai.usage.input_tokens': 100,
    'gen_ai.usage.output_tokens': 20,
    'gen_ai.usage.cache_read.input_tokens': 40,
    'gen_ai.usage.cache_write.input_tokens': 10,
    'gen_ai.usage.reasoning.output_tokens': 5,
    'prusik.usage.estimated': true,
    'prusik.usage.cost_micros': 77,
    'prusik.model.answered': 'anthropic.messages/claude-y',
    'prusik.run.id': 'run-1',
    'prusik.step.attempt': 2,
    'prusik.step.absorbed': ['steered-1'],
  });
  expect(chat.events.map(({ name, attributes }) => [name, attributes])).toEqual([
    [
      'prusik.model.failed',
      { 'prusik.model.name': 'openai.responses/gpt-x', 'prusik.model.error_class': 'overloaded' },
    ],
  ]);
  const withUsage = spans().filter(({ attributes }) => Object.keys(attributes).some((name) => name.includes('usage')));
  expect(withUsage).toEqual([chat]);
});

it('TEL-1: a tool step is a span with the name, the call and the source, and fails with the code that its model was told', () => {
  const { drive, span } = byHand();
  const driven = drive();

  driven.execute(
    { key: 'tool:1:c1', kind: 'tool', name: 'search', effect: 'once' },
    {
      facts: { of: 'tool', callId: 'c1', source: 'docs', error: 'TOOL_FAILED' },
      denied: [{ callId: 'c1', tool: 'search', by: 'policy' }],
      settledBy: 'check',
    },
  );
  driven.over();

  const tool = span('execute_tool search');
  expect(tool.kind).toBe(SpanKind.INTERNAL);
  expect(tool.status).toEqual({ code: SpanStatusCode.ERROR });
  expect(tool.attributes).toEqual({
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'search',
    'gen_ai.tool.type': 'function',
    'gen_ai.tool.call.id': 'c1',
    'error.type': 'TOOL_FAILED',
    'prusik.tool.source': 'docs',
    'prusik.run.id': 'run-1',
    'prusik.step.effect': 'once',
    'prusik.step.settled_by': 'check',
    'prusik.step.denied': ['policy'],
  });
});

it('TEL-1: any other step is a span of ours', () => {
  const { drive, span } = byHand();
  const driven = drive({ kind: 'workflow' });

  driven.execute({ key: 'charge', name: 'charge card' });
  driven.execute({ key: 'user text' });
  driven.over();

  expect(span('prusik.step charge card').attributes).toMatchObject({ 'prusik.step.name': 'charge card' });
  expect(span('prusik.step').attributes).toEqual({
    'prusik.run.id': 'run-1',
  });
});

it('TEL-1: a step lasts from its first execution to the end of its last one, and not until its commit', () => {
  const { drive, span, clock } = byHand();
  const driven = drive();
  const step = driven.step({ key: 'slow', name: 'slow' });

  step.inside(() => clock.advance(100));
  step.retry('STEP_FAILED', 1_000);
  clock.advance(1_000);
  step.inside(() => clock.advance(30));
  clock.advance(500);
  driven.commit(ended({ key: 'slow', name: 'slow' }, { attempt: 2, durationMs: 30 }));
  step.over(true);
  driven.over();

  const { events, ...slow } = span('prusik.step slow');
  // Half a millisecond more, since durations are on record in whole ones.
  expect(endOf(slow as never) - startOf(slow as never)).toBeCloseTo(1_130.5, 3);
  expect(events.map(({ name, attributes }) => [name, attributes])).toEqual([
    ['prusik.retry', { 'error.type': 'STEP_FAILED', 'prusik.retry.ms': 1_000 }],
  ]);
});

it('I3: a step whose outcome was not committed ends without usage and is marked so', () => {
  const { drive, span } = byHand();
  const driven = drive();

  driven.step({ key: 'model:1', kind: 'model', name: 'acme/m' }).over(false);
  driven.step({ key: 'left', name: 'left' });
  driven.over('superseded');

  expect(span('chat m').attributes).toMatchObject({ 'prusik.step.recorded': false });
  expect(span('chat m').attributes).not.toHaveProperty(['gen_ai.usage.input_tokens']);
  expect(span('prusik.step left').attributes).toMatchObject({ 'prusik.step.recorded': false });
});

it('TEL-1: usage of a step that ends without an execution here is on a span all the same', () => {
  const { drive, span } = byHand();
  const driven = drive();

  driven.commit(ended({ key: 'model:1', kind: 'model', name: 'acme/m' }, { usage: { inputTokens: 7 } }));
  driven.over();

  expect(span('chat m').attributes).toMatchObject({ 'gen_ai.usage.input_tokens': 7 });
  expect(startOf(span('chat m'))).toBe(endOf(span('chat m')));
});

it('I11: of an error a span has the code, no status text and no exception; what does not look like a code is not told', () => {
  const { drive, span } = byHand();
  const driven = drive({ kind: 'workflow', definition: 'order' });

  const failed = (code: string) =>
    ({ outcome: { ok: false, error: { code, message: 'SECRET', retryable: false } } }) as const;
  driven.execute({ key: 'a', name: 'a' }, failed('CARD_DECLINED'));
  driven.execute({ key: 'b', name: 'b' }, failed('the card of Ada was declined'));
  driven.commit({ type: 'run-end', status: 'failed', error: failed('CARD_DECLINED').outcome.error });
  driven.over();

  for (const name of ['prusik.step a', 'prusik.step b', 'invoke_workflow order']) {
    const { status, events } = span(name);
    expect(status).toEqual({ code: SpanStatusCode.ERROR });
    expect(events).toEqual([]);
  }
  expect(span('prusik.step a').attributes).toMatchObject({ 'error.type': 'CARD_DECLINED' });
  expect(span('prusik.step b').attributes).toMatchObject({ 'error.type': 'UNKNOWN_ERROR' });
  expect(span('invoke_workflow order').attributes).toMatchObject({
    'error.type': 'CARD_DECLINED',
    'prusik.run.status': 'failed',
  });
});

it.each([
  ['superseded', 'RUN_SUPERSEDED'],
  ['unavailable', 'STORE_UNAVAILABLE'],
] as const)('TEL-1: a drive that was lost (%s) failed with %s', (how, code) => {
  const { drive, span } = byHand();

  drive().over(how);

  const { attributes, status } = span('invoke_agent writer');
  expect(attributes).toMatchObject({ 'prusik.drive.over': how, 'error.type': code });
  expect(status).toEqual({ code: SpanStatusCode.ERROR });
});

it('TEL-2: what a drive waited for, what blocked it and what it was told are events of its span', () => {
  const { drive, span, clock } = byHand();
  const keyed = { fingerprint: '', outcome: { ok: true } } as const;

  const driven = drive({}, { waits: [{ key: 'nap', at: clock.now() - 5_000 }], parkedAt: clock.now() - 4_000 });
  driven.commit(
    { type: 'wait-end', key: 'nap', kind: 'timer', ...keyed },
    { type: 'wait-start', key: 'ask', kind: 'request', fingerprint: '' },
  );
  clock.advance(300);
  driven.commit(
    { type: 'wait-end', key: 'ask', kind: 'request', timedOut: true, ...keyed },
    { type: 'run-block', code: 'STEP_IN_DOUBT', message: 'SECRET', request: 'r-1' },
    { type: 'run-unblock', request: 'r-1', choice: 'retry' },
    { type: 'run-cancel', reason: 'SECRET' },
    { type: 'run-deadline' },
    { type: 'note', name: 'SECRET', data: 'SECRET' },
  );
  driven.over('blocked');

  const { attributes, events } = span('invoke_agent writer');
  expect(attributes).toMatchObject({ 'prusik.drive.parked_ms': 4_000, 'error.type': 'STEP_IN_DOUBT' });
  expect(events.map(({ name, attributes: its }) => [name, its])).toEqual([
    ['prusik.wait', { 'prusik.wait.kind': 'timer', 'prusik.wait.ms': 5_000, 'prusik.wait.timed_out': false }],
    ['prusik.wait', { 'prusik.wait.kind': 'request', 'prusik.wait.ms': 300, 'prusik.wait.timed_out': true }],
    ['prusik.block', { 'error.type': 'STEP_IN_DOUBT' }],
    ['prusik.unblock', {}],
    ['prusik.cancel', {}],
    ['prusik.deadline', {}],
  ]);
});

it('TEL-2: a run goes on in the trace of its caller, and its drives are linked one to the next', () => {
  const { drive, spans } = byHand();
  const caller = { traceparent: traceparent('a', '1') };

  const first = drive({}, { caller });
  first.over('parked');
  const { trace: before } = first.observer;
  drive({}, { epoch: 2, caller, ...(before === undefined ? {} : { before, first: before }) }).over();

  const [one, two] = spans();
  expect(spans().map(traceOf)).toEqual(['a'.repeat(32), 'a'.repeat(32)]);
  expect(spans().map(parentOf)).toEqual(['1'.repeat(16), '1'.repeat(16)]);
  expect(one?.links).toEqual([]);
  expect(two?.links.map(({ context, attributes }) => [context.spanId, attributes])).toEqual([
    [one && idOf(one), { 'prusik.link': 'previous_drive' }],
  ]);
});

it('TEL-2: without a caller the first drive begins the trace, and all later ones are its children', () => {
  const { drive, spans } = byHand();

  const first = drive();
  first.over('parked');
  const { trace: began } = first.observer;
  if (began === undefined) throw new Error('no trace');
  const second = drive({}, { epoch: 2, before: began, first: began });
  second.over('parked');
  drive({}, { epoch: 3, before: second.observer.trace ?? began, first: began }).over();

  const [one, two, three] = spans();
  expect(new Set(spans().map(traceOf)).size).toBe(1);
  expect(spans().map(parentOf)).toEqual([undefined, one && idOf(one), one && idOf(one)]);
  expect(three?.links.map(({ context }) => context.spanId)).toEqual([two && idOf(two)]);
});

it('TEL-2: with caller link a root has a trace of its own that is linked to its caller, and its children are in it', () => {
  const { drive, spans } = byHand({ caller: 'link' });
  const caller = { traceparent: traceparent('a', '1') };

  const root = drive({}, { caller });
  const { trace: began } = root.observer;
  if (began === undefined) throw new Error('no trace');
  drive(
    { depth: 1, parent: { run: 'run-1', key: 'k' }, key: { tenant: 'acme', run: 'child' } },
    { caller: began },
  ).over();
  root.over('parked');
  drive({}, { epoch: 2, caller, before: began, first: began }).over();

  const [child, one, two] = spans();
  const ids = spans().map(traceOf);
  expect(new Set(ids).size).toBe(1);
  expect(ids[0]).not.toBe('a'.repeat(32));
  expect(one?.links.map(({ context, attributes }) => [context.traceId, attributes])).toEqual([
    ['a'.repeat(32), { 'prusik.link': 'caller' }],
  ]);
  expect([child, two].map((span) => span && parentOf(span))).toEqual([one && idOf(one), one && idOf(one)]);
});

it('TEL-2: a caller whose trace is not sampled has nothing exported, and that goes on in what the run starts', () => {
  const { drive, spans } = byHand();

  const driven = drive({}, { caller: { traceparent: traceparent('a', '1', '00') } });
  driven.execute({ key: 'a' });
  const step = driven.step({ key: 'b' });
  driven.over();

  expect(spans()).toEqual([]);
  expect(driven.observer.trace?.traceparent).toMatch(/^00-a{32}-[\da-f]{16}-00$/);
  expect(step.trace?.traceparent).toMatch(/^00-a{32}-[\da-f]{16}-00$/);
});

it('TEL-2: a record of a trace that is none keeps no run from being driven', () => {
  const { drive, spans } = byHand();
  const broken = { traceparent: 'what is this' };

  const driven = drive({}, { caller: broken, before: broken, first: broken });
  driven.over();

  expect(spans().map(parentOf)).toEqual([undefined]);
  expect(spans()[0]?.links).toEqual([]);
});

it('TEL-2: tracestate travels with the trace, unless it is too long for a record', () => {
  const { drive } = byHand();
  const long = Array.from({ length: 20 }, (_, n) => `vendor${n}=${'x'.repeat(30)}`).join(',');
  const traced = (tracestate: string) =>
    drive({}, { caller: { traceparent: traceparent('a', '1'), tracestate } }).observer.trace?.tracestate;

  expect(traced('vendor=1,other=2')).toBe('vendor=1,other=2');
  expect(traced(long)).toBeUndefined();
});

it('TEL-3: names of others are cut to 128 characters and hold no control characters', () => {
  const { drive, spans } = byHand();
  const driven = drive({ definition: `${'d'.repeat(300)}` });

  driven.execute({ key: 'a', kind: 'tool', name: `tool\u001b[31m\n${'t'.repeat(300)}` });
  driven.over();

  expect(spans().map(({ name }) => name)).toEqual([
    `execute_tool tool�[31m�${'t'.repeat(118)}`,
    `invoke_agent ${'d'.repeat(128)}`,
  ]);
});

it('I3: usage of a step that was put off for long, and then fails without an execution, is on a span of its own', () => {
  const { drive, spans } = byHand();
  const driven = drive();
  const model = { key: 'model:1', kind: 'model', name: 'openai/x' } as const;

  driven.step(model).over(true);
  driven.commit(ended(model, { usage: { inputTokens: 5 } }));
  driven.over();

  expect(spans().map(({ name, attributes }) => [name, attributes['gen_ai.usage.input_tokens']])).toEqual([
    ['chat x', undefined],
    ['chat x', 5],
    ['invoke_agent writer', undefined],
  ]);
});
