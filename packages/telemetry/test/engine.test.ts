import { OpenTelemetry } from '@ai-sdk/otel';
import { context, metrics as globalMetrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { defineAgent, defineTool } from '@prusik/agents';
import {
  PrusikError,
  type DurableContext,
  type DurableDefinition,
  type Json,
  type RunKind,
  type Store,
} from '@prusik/core';
import { createEngine, type Engine, type EngineOptions } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { generateText, registerTelemetry } from 'ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { telemetry, type TelemetryOptions } from '../src/index.ts';
import { endOf, idOf, parentOf, pointsOf, recorded, startOf, traceOf, type Recorded } from './recorded.ts';

const manager = new AsyncLocalStorageContextManager();
beforeAll(() => {
  context.setGlobalContextManager(manager.enable());
});
afterAll(() => context.disable());

interface Watched extends Recorded {
  readonly store: Store;
  readonly engine: Engine;
}

const definitionsOf = (...definitions: readonly object[]) => definitions as unknown as EngineOptions['definitions'];

async function watched(
  definitions: EngineOptions['definitions'],
  use: (watched: Watched) => Promise<void>,
  options: TelemetryOptions = {},
): Promise<void> {
  const sdk = recorded();
  const { tracerProvider, meterProvider } = sdk;
  const store = memoryStore();
  const engine = createEngine({
    store,
    definitions,
    observers: [telemetry({ tracerProvider, meterProvider, ...options })],
    limits: { parkAfterMs: 0 },
  });
  try {
    await use({ ...sdk, store, engine });
  } finally {
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }
}

/** `parent > child` for each span that has its parent among them, else its name alone; in the order of their starts. */
function treeOf(spans: readonly ReadableSpan[]): readonly string[] {
  const names = new Map(spans.map((span) => [idOf(span), span.name]));
  return spans
    .toSorted((a, b) => startOf(a) - startOf(b))
    .map((span) => {
      const parent = names.get(parentOf(span) ?? '');
      return parent === undefined ? span.name : `${parent} > ${span.name}`;
    });
}

const usageOf = (spans: readonly ReadableSpan[], name: string): number =>
  spans.reduce((sum, { attributes }) => sum + Number(attributes[`gen_ai.usage.${name}`] ?? 0), 0);

describe('runs of an engine', () => {
  const search = defineTool({
    name: 'search',
    description: 'Searches.',
    input: z.object({ query: z.string() }),
    effect: 'repeatable',
    execute: () => ({ hits: 1 }),
  });

  it('TEL-1: an agent is one drive with a span for each model call and tool call, whose usage is that of the script', async () => {
    const model = scriptedModel(
      [
        [
          { call: 'search', input: { query: 'x' } },
          { inputTokens: 100, outputTokens: 10, cacheReadTokens: 40, cacheWriteTokens: 7 },
        ],
        ['found', { inputTokens: 120, outputTokens: 20, reasoningTokens: 5 }],
      ],
      { provider: 'openai.responses', modelId: 'gpt-x' },
    );
    const writer = defineAgent({ name: 'writer', instructions: 'Write.', model, tools: [search] });

    await watched(definitionsOf(writer), async ({ engine, spans, span }) => {
      const result = await engine.run('writer', 'Look it up', { id: 'r-1' });

      expect(result.status).toBe('completed');
      expect(treeOf(spans())).toEqual([
        'invoke_agent writer',
        'invoke_agent writer > chat gpt-x',
        'invoke_agent writer > execute_tool search',
        'invoke_agent writer > chat gpt-x',
      ]);
      expect(usageOf(spans(), 'input_tokens')).toBe(220);
      expect(usageOf(spans(), 'output_tokens')).toBe(30);
      expect(usageOf(spans(), 'cache_read.input_tokens')).toBe(40);
      expect(usageOf(spans(), 'cache_write.input_tokens')).toBe(7);
      expect(usageOf(spans(), 'reasoning.output_tokens')).toBe(5);
      expect(span('invoke_agent writer').attributes).toMatchObject({
        'prusik.run.id': 'r-1',
        'prusik.run.status': 'completed',
        'prusik.drive.over': 'ended',
      });
      expect(span('execute_tool search').attributes).toMatchObject({
        'gen_ai.tool.name': 'search',
        'gen_ai.tool.call.id': 'call_1',
      });
      const finishes = spans().flatMap(({ attributes }) => attributes['gen_ai.response.finish_reasons'] ?? []);
      expect(finishes).toEqual(['tool_call', 'stop']);
    });
  });

  it('TEL-2: a child is in the trace of its parent, below the drive that started it, and resumed drives are beside the first', async () => {
    const child = durable('child', 'agent', async (ctx) => {
      await ctx.step('work', () => 1);
      await ctx.receive('go');
    });
    const parent = durable('parent', 'workflow', (ctx) => ctx.child('hire', 'child', null));
    await watched([parent, child], async ({ engine, store, spans }) => {
      const waiting = await engine.run('parent', null, { id: 'p' });
      expect(waiting.status).toBe('waiting');
      const [hired] = (await store.listRuns({ tenant: 'default', definition: ['child'], limit: 1 })).items;
      if (hired === undefined) throw new Error('no child');
      await engine.signal(hired.key, 'go', null);
      const done = await engine.drive(waiting.run);

      expect(done.status).toBe('completed');
      expect(new Set(spans().map(traceOf)).size).toBe(1);
      const first = spans().find(({ name }) => name === 'invoke_workflow parent');
      const below = spans().filter((span) => parentOf(span) === (first && idOf(first)));
      expect(below.map(({ name }) => name).toSorted()).toEqual([
        'invoke_agent child',
        'invoke_agent child',
        'invoke_workflow parent',
      ]);
      const resumed = below.filter(({ links }) => links.length > 0);
      expect(resumed.map(({ links }) => links.map(({ attributes }) => attributes))).toEqual(
        resumed.map(() => [{ 'prusik.link': 'previous_drive' }]),
      );
      expect(resumed).toHaveLength(2);
    });
  });

  it('TEL-2: a run is in the trace of whoever starts it, whoever drives it', async () => {
    const job = durable('job', 'function', () => null);
    await watched([job], async ({ engine, tracerProvider, span }) => {
      const request = tracerProvider.getTracer('app').startSpan('POST /jobs');

      await context.with(trace.setSpan(context.active(), request), () => engine.start('job', null, { id: 'j' }));
      request.end();
      await engine.drive({ tenant: 'default', run: 'j' });

      expect(parentOf(span('prusik.run job'))).toBe(idOf(span('POST /jobs')));
    });
  });

  it('TEL-1: what a step does stands below it, and context ends with it', async () => {
    const seen: (string | undefined)[] = [];
    const job = durable('job', 'function', async (ctx) => {
      await ctx.step('first', async (step) => {
        await Promise.resolve();
        trace.getTracerProvider();
        seen.push(step.trace?.traceparent);
        seen.push(trace.getSpan(context.active())?.spanContext().spanId);
      });
      seen.push(trace.getSpan(context.active())?.spanContext().spanId);
    });
    await watched([job], async ({ engine, span }) => {
      await engine.run('job', null);

      const id = idOf(span('prusik.step'));
      expect(seen[0]).toBe(`00-${traceOf(span('prusik.step'))}-${id}-01`);
      expect(seen.slice(1)).toEqual([id, undefined]);
    });
  });

  it('TEL-2: whoever is called by hand is told the step in headers of W3C Trace Context, and nothing else', async () => {
    const sdk = recorded();
    const watching = telemetry({ tracerProvider: sdk.tracerProvider });
    const headers: Readonly<Record<string, string>>[] = [];
    const job = durable('job', 'function', (ctx) => ctx.step('call', () => void headers.push(watching.traceContext())));
    const store = memoryStore();
    const engine = createEngine({ store, definitions: [job], observers: [watching] });
    const baggage = propagation.setBaggage(context.active(), propagation.createBaggage({ user: { value: 'SECRET' } }));
    await context.with(baggage, () => engine.run('job', null));
    await engine[Symbol.asyncDispose]();

    const step = sdk.span('prusik.step');
    expect(headers).toEqual([{ traceparent: `00-${traceOf(step)}-${idOf(step)}-01` }]);
    expect(watching.traceContext()).toEqual({});
  });

  it('TEL-1: an execution that is made again in memory is an event of its step, which is one span', async () => {
    let tries = 0;
    const job = durable('job', 'function', (ctx) =>
      ctx.step(
        'flaky',
        () => {
          tries += 1;
          if (tries < 3) throw new PrusikError('CARD_DECLINED', 'SECRET', { retryable: true });
        },
        { retry: { attempts: 3, backoffMs: 1 } },
      ),
    );
    await watched([job], async ({ engine, span, metrics }) => {
      const result = await engine.run('job', null);

      expect(result.status).toBe('completed');
      const { events, attributes } = span('prusik.step');
      expect(events.map(({ name, attributes: its }) => [name, its?.['error.type']])).toEqual([
        ['prusik.retry', 'CARD_DECLINED'],
        ['prusik.retry', 'CARD_DECLINED'],
      ]);
      expect(attributes['prusik.step.attempt']).toBe(3);
      expect(pointsOf((await metrics()).get('prusik.step.retries')).map(({ value }) => value)).toEqual([2]);
    });
  });

  it('I3: nothing is told of a replay: a drive that resumes has spans of what it executes alone', async () => {
    const job = durable('job', 'function', async (ctx) => {
      await ctx.step('before', () => 1, { name: 'before' });
      await ctx.receive('go');
      await ctx.step('after', () => 2, { name: 'after' });
    });
    await watched([job], async ({ engine, spans }) => {
      const waiting = await engine.run('job', null);
      const parked = spans().length;
      await engine.signal(waiting.run, 'go', null);
      await engine.drive(waiting.run);

      const resumed = spans().slice(parked);
      expect(resumed.map(({ name }) => name)).toEqual(['prusik.step after', 'prusik.run job']);
      const drive = resumed.find(({ name }) => name === 'prusik.run job');
      expect(drive?.events.map(({ name, attributes }) => [name, attributes?.['prusik.wait.kind']])).toEqual([
        ['prusik.wait', 'signal'],
      ]);
      expect(drive?.attributes['prusik.drive.parked_ms']).toBeGreaterThanOrEqual(0);
      // While it stood still nothing of it was open.
      const ends = spans().slice(0, parked).map(endOf);
      expect(Math.max(...ends)).toBeLessThanOrEqual(Math.min(...resumed.map(startOf)));
    });
  });

  it('TEL-3: without an SDK nothing is put on record and nothing is told to be active', async () => {
    const active: unknown[] = [];
    const job = durable('job', 'function', (ctx) =>
      ctx.step('a', (step) => void active.push(step.trace, trace.getSpan(context.active()))),
    );
    const store = memoryStore();
    const engine = createEngine({ store, definitions: [job], observers: [telemetry()] });
    const { run } = await engine.run('job', null);

    const entries = await store.entries(run, { after: 0, limit: 100 });
    expect(entries.map(({ type }) => type)).toContain('run-claim');
    expect(JSON.stringify(entries)).not.toContain('trace');
    expect(active).toEqual([undefined, undefined]);
    await engine[Symbol.asyncDispose]();
  });

  it('TEL-1: spans go to the SDK that is registered as a drive begins, whichever that was before', async () => {
    const before = recorded();
    const after = recorded();
    const job = durable('job', 'function', (ctx) => ctx.step('a', () => 1, { name: 'a' }));
    const store = memoryStore();
    const engine = createEngine({ store, definitions: [job], observers: [telemetry()] });
    try {
      trace.setGlobalTracerProvider(before.tracerProvider);
      await engine.run('job', null);
      trace.disable();
      trace.setGlobalTracerProvider(after.tracerProvider);
      await engine.run('job', null);
    } finally {
      trace.disable();
      await engine[Symbol.asyncDispose]();
    }
    for (const { spans } of [before, after])
      expect(spans().map(({ name }) => name)).toEqual(['prusik.step a', 'prusik.run job']);
  });

  it('TEL-1: what a model says of why it stopped is told as it is, whatever the word', async () => {
    const job = durable('job', 'function', (ctx) =>
      ctx.step('ask', ({ tell }) => tell({ of: 'model', finish: 'constructor' }), { kind: 'model', name: 'acme/m' }),
    );
    await watched([job], async ({ engine, span }) => {
      await engine.run('job', null);
      expect(span('chat m').attributes['gen_ai.response.finish_reasons']).toEqual(['constructor']);
    });
  });

  it('TEL-3: metrics of an SDK that is registered after the observer was made are measured', async () => {
    const { meterProvider, metrics } = recorded();
    const watching = telemetry();
    const lag = { type: 'event-lag', ms: 5 } as const;
    watching.event(lag);
    globalMetrics.setGlobalMeterProvider(meterProvider);
    try {
      watching.event(lag);
      expect(pointsOf((await metrics()).get('prusik.event.lag')).map(({ value }) => value)).toEqual([
        { count: 1, sum: 0.005 },
      ]);
    } finally {
      globalMetrics.disable();
    }
  });

  it.each([
    [{ capturing: {} }, /no option capturing/],
    [{ capture: { prompts: 'full' } }, /no option prompts/],
    [{ capture: { messages: 'all' } }, /capture.messages is one of none, metadata, full/],
    [{ capture: true }, /capture takes an object of messages, tools, errors, keys/],
    [{ redactor: () => '' }, /redactor must be what createRedactor\(\) makes/],
    [{ tracerProvider: {} }, /tracerProvider has no method getTracer/],
    [{ meterProvider: null }, /meterProvider has no method getMeter/],
    [{ caller: 'joins' }, /caller is 'parent' or 'link'/],
    [{ health: true }, /health must be a function/],
  ])('TEL-3: a wrong option is a TypeError: %j', (options, message) => {
    expect(() => telemetry(options as TelemetryOptions)).toThrow(message);
  });
});

describe('beside the telemetry of the AI SDK', () => {
  it('TEL-1: the usage of an agent is on its spans once, and calls in a tool stand below it with their own', async () => {
    const sdk = recorded();
    trace.setGlobalTracerProvider(sdk.tracerProvider);
    registerTelemetry(new OpenTelemetry());
    const inner = scriptedModel([['looked', { inputTokens: 5, outputTokens: 3 }]], {
      provider: 'acme',
      modelId: 'inner',
    });
    const ask = defineTool({
      name: 'ask',
      description: 'Asks another model.',
      input: z.object({}),
      effect: 'repeatable',
      execute: async () => (await generateText({ model: inner as never, prompt: 'look' })).text,
    });
    const outer = scriptedModel(
      [
        [
          { call: 'ask', input: {} },
          { inputTokens: 100, outputTokens: 10 },
        ],
        ['done', { inputTokens: 120, outputTokens: 20 }],
      ],
      { provider: 'acme', modelId: 'outer' },
    );
    const writer = defineAgent({ name: 'writer', instructions: 'Write.', model: outer as never, tools: [ask] });
    const store = memoryStore();
    const engine = createEngine({ store, definitions: definitionsOf(writer), observers: [telemetry()] });
    try {
      const result = await engine.run('writer', 'go');
      expect(result.status).toBe('completed');

      const spans = sdk.spans();
      const tool = sdk.span('execute_tool ask');
      const byId = new Map(spans.map((span) => [idOf(span), span]));
      const isInTool = (span: ReadableSpan): boolean => {
        const parent = byId.get(parentOf(span) ?? '');
        return parent !== undefined && (parent === tool || isInTool(parent));
      };
      const inside = spans.filter(isInTool);
      const ours = spans.filter((span) => !isInTool(span));
      expect(usageOf(ours, 'input_tokens')).toBe(220);
      expect(usageOf(ours, 'output_tokens')).toBe(30);
      const calls = inside.filter(({ name }) => name.startsWith('chat '));
      expect(usageOf(calls, 'input_tokens')).toBe(5);
      expect(ours.map(({ name }) => name).toSorted()).toEqual([
        'chat outer',
        'chat outer',
        'execute_tool ask',
        'invoke_agent writer',
      ]);
      expect(new Set(spans.map(traceOf)).size).toBe(1);
    } finally {
      await engine[Symbol.asyncDispose]();
      globalThis.AI_SDK_TELEMETRY_INTEGRATIONS = undefined;
      trace.disable();
    }
  });
});

function durable(name: string, kind: RunKind, run: (ctx: DurableContext) => unknown): DurableDefinition<Json, unknown> {
  return { name, kind, version: '1', run: (ctx) => run(ctx) };
}
