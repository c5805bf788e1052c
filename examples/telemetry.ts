// Runs as traces and metrics of OpenTelemetry, sent to a collector by the program's own SDK.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';

const model = scriptedModel([['Hello, Ada', { inputTokens: 12, outputTokens: 3 }]], {
  provider: 'openai',
  modelId: 'gpt-x',
});
const store = memoryStore();
// In place of a collector: it keeps what it is sent.
const sent: string[] = [];
const server = createServer((request, response) => {
  request.on('data', (piece) => sent.push(String(piece)));
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
// #region usage
import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { ConsoleMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { defineAgent } from '@prusik/agents';
import { createEngine } from '@prusik/durable';
import { telemetry } from '@prusik/telemetry';

// Your SDK, as you have it; `NodeSDK` of @opentelemetry/sdk-node does these at once.
const tracerProvider = new BasicTracerProvider({
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
});
const reader = new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter() });
const meterProvider = new MeterProvider({ readers: [reader] });
trace.setGlobalTracerProvider(tracerProvider);
metrics.setGlobalMeterProvider(meterProvider);
// With it, what a tool does (HTTP, queries, calls of other models) stands below the tool.
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const greeter = defineAgent({ name: 'greeter', instructions: 'You greet.', model });
const engine = createEngine({ store, definitions: [greeter], observers: [telemetry()] });

await engine.run('greeter', 'Greet Ada', { id: 'greeting-1' });

await engine[Symbol.asyncDispose]();
await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]); // sends what is left
// #endregion usage
const spans = sent.join('');
assert.match(spans, /"invoke_agent greeter"/);
assert.match(spans, /"chat gpt-x"/);
assert.match(spans, /gen_ai\.usage\.input_tokens/);
assert.doesNotMatch(spans, /Ada/);
await store[Symbol.asyncDispose]();
server.close();
