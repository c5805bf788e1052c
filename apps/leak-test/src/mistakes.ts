import { propagation, context, trace, SpanStatusCode } from '@opentelemetry/api';
import type { Logger } from '@prusik/core';
import type { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import type { Kind } from './words.ts';

/** Where the app may be mistaken; one that is not does nothing there. */
export interface Mistakes {
  /** In the body of a tool, with what it was called with. */
  inTool(input: string): void;
  /** In the body of a tool that is about to throw this. */
  ofTool(error: Error): void;
  /** In a durable function, with what it was started with. */
  inFunction(input: string): void;
  /** What it records beside a result. */
  recorded(): string;
}

/** What each mistake shows, and where: the search has to find each of them. */
export const MISTAKES: readonly (readonly [name: string, kind: Kind, sink: string])[] = [
  ['the message of an error as the status of a span', 'toolError', 'span status'],
  ['an error as an exception of a span', 'toolError', 'span event'],
  ['the input of a tool as an attribute', 'toolInput', 'span attribute app.question'],
  ['the text of a user as the name of a span', 'toolInput', 'span name'],
  ['the input of a tool as an attribute of a link', 'toolInput', 'span link'],
  ['what a span has is at the collector as well, as JSON', 'toolInput', 'collector /json/v1/traces'],
  ['what a span has is at the collector as well, as protobuf', 'toolInput', 'collector /protobuf/v1/traces'],
  ['an error in a line of the log', 'toolError', 'logger'],
  ['an error as a warning of the process', 'toolError', 'warning'],
  ['an error as a warning, printed', 'toolError', 'stderr'],
  ['a prompt as an attribute of a metric', 'runInput', 'collector /v1/metrics'],
  ['a prompt in base64 on standard output', 'runInput', 'stdout'],
  ['a prompt in two writes to standard error', 'runInput', 'stderr'],
  ['a prompt in an address, in a line of the log', 'runInput', 'logger'],
  ['all baggage to a server of somebody else', 'baggage', 'stdio server'],
  ['a credential in the headers of the exporter', 'providerKey', 'collector headers'],
  ['the message of an error as the answer of a chat', 'providerMessage', 'chat'],
  ['a bundle as it is', 'shapedSecret', 'export'],
  ['content at the command line', 'runInput', 'cli'],
  ['a variable of the process on record', 'processEnvironment', 'journal'],
];

const NONE: Mistakes = { inTool() {}, ofTool() {}, inFunction() {}, recorded: () => '' };

interface Means {
  readonly logger: Logger;
  readonly tracerProvider: BasicTracerProvider;
  readonly meterProvider: MeterProvider;
}

/** The mistakes that people make with telemetry, all of them. */
export function createMistakes(isMistaken: boolean, { logger, tracerProvider, meterProvider }: Means): Mistakes {
  if (!isMistaken) return NONE;
  const tracer = tracerProvider.getTracer('app');
  const counter = meterProvider.getMeter('app').createCounter('app.wishes');
  return {
    inTool(input) {
      const span = trace.getActiveSpan();
      span?.setAttribute('app.question', input);
      const links = span === undefined ? [] : [{ context: span.spanContext(), attributes: { input } }];
      tracer.startSpan(input, { links }).end();
    },
    ofTool(error) {
      const span = trace.getActiveSpan();
      span?.recordException(error);
      // The step's own span is told how the step ended when it is over.
      const own = tracer.startSpan('app.fails');
      own.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
      own.end();
      logger.warn({ event: 'tool-failed', error: error.message }, 'A tool has failed');
      process.emitWarning(error);
    },
    inFunction(input) {
      counter.add(1, { wish: input });
      console.log(Buffer.from(`it wishes ${input}`).toString('base64'));
      process.stderr.write(`it wishes ${input.slice(0, 12)}`);
      process.stderr.write(`${input.slice(12)}\n`);
      logger.info(
        { event: 'asked', url: `/?q=${[...Buffer.from(input)].map((byte) => `%${byte.toString(16)}`).join('')}` },
        'Asked',
      );
    },
    recorded: () => process.env['LEAK_TEST_TOKEN'] ?? '',
  };
}

/** Everything that the context of a call carries, whoever it goes to. */
export function allContext(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}
