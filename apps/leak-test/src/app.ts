import { join } from 'node:path';
import { inspect } from 'node:util';
import { context, propagation } from '@opentelemetry/api';
import { consoleLogger, type Logger, type Observer, type StepObserver } from '@prusik/core';
import { defineHarness } from '@prusik/harness';
import type { McpRunner } from '@prusik/mcp-runner';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { sqliteStore } from '@prusik/store-sqlite';
import { telemetry } from '@prusik/telemetry';
import { z } from 'zod';
import { chatWith } from './chatting.ts';
import { createDefinitions } from './definitions.ts';
import { tellError } from './errors.ts';
import { allContext, createMistakes } from './mistakes.ts';
import type { Order, Tell } from './order.ts';
import { tellRecords } from './records.ts';
import { runRough } from './rough-runs.ts';
import { startSdk, type Sdk } from './sdk.ts';
import { startServers } from './servers.ts';
import { workThrough } from './working.ts';

/** An app with everything on. It tells what leaves it; standard output and error, and those whom it talks to, tell for themselves. */
export async function runApp(order: Order, tell: Tell): Promise<void> {
  const sdk = startSdk(order, tell);
  try {
    await runWith(order, sdk, tell);
  } finally {
    await sdk[Symbol.asyncDispose]();
  }
}

async function runWith(order: Order, sdk: Sdk, tell: Tell): Promise<void> {
  const { words, capture, isLeaky } = order;
  const { tracerProvider, meterProvider } = sdk;
  const logger = telling(tell);
  const store = sqliteStore({ path: join(order.folder, 'runs.db') });
  const watching = telemetry({
    tracerProvider,
    meterProvider,
    health: () => store.health(),
    capture: { messages: capture, tools: capture, errors: capture },
  });
  const mistakes = createMistakes(isLeaky, { logger, tracerProvider, meterProvider });
  const sandbox = createLocalSandbox({ root: join(order.folder, 'sandbox'), isolation: 'none', logger });
  const mcp = startServers(order, { sandbox, logger, traceContext: isLeaky ? allContext : watching.traceContext });
  const definitions = createDefinitions(order, mcp, sandbox, mistakes);
  const harness = defineHarness({
    store,
    sandbox,
    owns: [mcp],
    logger,
    limits: { parkAfterMs: 0 },
    context: z.object({ user: z.string() }),
    observers: [watching, hearing(tell)],
    ...definitions,
  });
  try {
    tell('inspect', harness.inspect());

    tell('app', process.env['LEAK_TEST_TOKEN'] ?? '');
    const baggage = propagation.createBaggage({ user: { value: words.baggage } });
    tell('app', propagation.setBaggage(context.active(), baggage) === undefined ? '' : words.baggage);
    await context.with(propagation.setBaggage(context.active(), baggage), async () => {
      await workThrough(order, harness, tell);
      await chatWith(order, harness, { logger, tell, isLeaky, definitions });
      await runRough(order, { logger, tell });
      await callByHand(order, mcp, tell);
    });
    await tellRecords(order, harness.engine.store, tell);
  } finally {
    await harness[Symbol.asyncDispose]();
  }
}

/** As the AI SDK calls tools, in no run: whoever calls holds what they reject with. */
async function callByHand({ words }: Order, mcp: McpRunner, tell: Tell): Promise<void> {
  const tools = await mcp.tools({ partial: true });
  const inputs = { notes_echo: words.mcpInput, notes_refuse: words.mcpInput, notes_die: words.mcpInput };
  for (const [name, text] of Object.entries({ ...inputs, hut_fail: words.httpInput }))
    await tools[name]?.execute({ text }, { toolCallId: name }).then(
      (output) => tell('results', output),
      (error: unknown) => tellError(tell, error),
    );
}

/** Lines as a program writes them, and as it is given them. */
function telling(tell: Tell): Logger {
  const written = consoleLogger();
  const line = (level: keyof Logger) => (fields: Parameters<Logger['info']>[0], message: string) => {
    written[level](fields, message);
    // Whatever is in a field: an error would be shown with its causes.
    tell('logger', inspect([level, fields, message], { depth: 10 }));
  };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}

/** Hears which runs are driven, and what belongs to no drive. Entries are content, and keys of steps are an author's: whoever observes them has to know. */
function hearing(tell: Tell): Observer {
  return {
    caller: () => undefined,
    drive(run, drive) {
      tell('observed', [run, drive]);
      const step: StepObserver = { trace: undefined, inside: (body) => body(), retry() {}, over() {} };
      return { trace: undefined, step: () => step, committed() {}, over: (how) => tell('observed', how) };
    },
    event: (event) => tell('observed', event),
  };
}
