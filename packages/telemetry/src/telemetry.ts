import {
  context,
  createNoopMeter,
  metrics,
  trace,
  type Meter,
  type MeterProvider,
  type TracerProvider,
} from '@opentelemetry/api';
import {
  checkOptions,
  checkRedactor,
  systemClock,
  type Clock,
  type KnownOptions,
  type Redactor,
  type Observer,
  type TraceContext,
} from '@prusik/core';
import { createContent, type Capture, type CaptureMode } from './content.ts';
import { observeDrive } from './drive-span.ts';
import { observeHealth, type ReadHealth } from './health-gauges.ts';
import { createInstruments, type Instruments } from './instruments.ts';
import { createMeasures, type Measures } from './measures.ts';
import { createOwnMetrics } from './own-metrics.ts';
import { createStepShapes } from './step-shape.ts';
import { toText } from './trace-text.ts';
import type { Watching } from './watching.ts';

/** What {@link telemetry} takes. */
export interface TelemetryOptions {
  /** Where spans go. @default the provider that is registered with `@opentelemetry/api`, at the time of each drive */
  readonly tracerProvider?: TracerProvider;
  /** Where metrics go. @default the provider that is registered, at the time of each drive */
  readonly meterProvider?: MeterProvider;
  /**
   * What a run is to the trace of whoever starts it: a `parent`, or only a `link`, for runs that outlive every trace that they are started in. Child
   * runs are always in the trace of their parent.
   * @default 'parent'
   */
  readonly caller?: 'parent' | 'link';
  /** What content leaves the process. @default nothing */
  readonly capture?: Capture;
  /** Makes what is captured fit to leave the process. @default `createRedactor()` of `@prusik/core`: bounds, and shapes of secrets */
  readonly redactor?: Redactor;
  /** Asked for the gauges of a store whenever metrics are collected, such as `() => store.health()`. @default there are none */
  readonly health?: ReadHealth;
  /** @default `systemClock` */
  readonly clock?: Clock;
}

/** An observer for the option `observers` of an engine. */
export interface Telemetry extends Observer, Disposable {
  /** Where the step that is executed here stands in a trace, in headers of W3C Trace Context: for MCP servers (`traceContext`), and whoever is called by hand. */
  traceContext(): Readonly<Record<string, string>>;
}

const OPTIONS: KnownOptions = {
  names: {
    tracerProvider: true,
    meterProvider: true,
    caller: true,
    capture: true,
    redactor: true,
    health: true,
    clock: true,
  } satisfies Record<keyof TelemetryOptions, true>,
};
const CAPTURE: KnownOptions = {
  names: { messages: true, tools: true, errors: true, keys: true } satisfies Record<keyof Capture, true>,
};
const MODES: readonly CaptureMode[] = ['none', 'metadata', 'full'];
const SCOPE = '@prusik/telemetry';

/**
 * Shows what an engine commits as spans and metrics of OpenTelemetry, by the GenAI conventions, without content. It brings no SDK: where none is registered, it
 * does nothing and puts nothing on record.
 *
 * @throws {TypeError} for wrong options.
 */
export function telemetry(options: TelemetryOptions = {}): Telemetry {
  const { caller = 'parent', redactor, health, clock = systemClock } = options;
  checkOptions('telemetry()', options, OPTIONS);
  const capture = checkedCapture(options.capture ?? {});
  if (caller !== 'parent' && caller !== 'link')
    throw new TypeError(`caller is 'parent' or 'link', not ${String(caller)}`);
  checkRedactor(redactor);
  checkProvider('tracerProvider', 'getTracer', options.tracerProvider);
  checkProvider('meterProvider', 'getMeter', options.meterProvider);
  if (health !== undefined && typeof health !== 'function') throw new TypeError('health must be a function');
  const metered = measuresOf(options, clock);
  const tracers = options.tracerProvider ?? trace;
  const watching: Omit<Watching, 'tracer'> = {
    clock,
    shapeOf: createStepShapes(),
    measures: metered.measures,
    capture,
    content: createContent(redactor),
    caller,
  };
  const active = (): TraceContext | undefined => toText(trace.getSpanContext(context.active()));

  return {
    caller: active,
    // A tracer of the API stays with the first SDK that it has found.
    drive: (run, drive) => observeDrive({ ...watching, tracer: tracers.getTracer(SCOPE) }, run, drive),
    event: (event) => metered.measures()?.event(event),
    traceContext: () => ({ ...active() }),
    [Symbol.dispose]: metered[Symbol.dispose],
  };
}

/** The API hands out meters that never learn of an SDK which is registered after them, so they are asked for again when the provider is another one. */
function measuresOf(
  { meterProvider, health }: TelemetryOptions,
  clock: Clock,
): Disposable & { readonly measures: () => Measures | undefined } {
  const noop = createNoopMeter();
  let known: MeterProvider | undefined;
  let measures: Measures | undefined;
  let gauges: Disposable | undefined;
  let disposed = false;

  function measuresNow(): Measures | undefined {
    const provider = meterProvider ?? metrics.getMeterProvider();
    if (provider === known) return measures;
    known = provider;
    gauges?.[Symbol.dispose]();
    gauges = undefined;
    const meter = provider.getMeter(SCOPE);
    if (meter === noop) return (measures = undefined);
    const metered = meteredBy(provider, meter);
    if (health !== undefined && !disposed) gauges = observeHealth(clock, meter, metered.instruments, health);
    return (measures = metered.measures);
  }

  measuresNow();
  return {
    measures: measuresNow,
    [Symbol.dispose]() {
      disposed = true;
      gauges?.[Symbol.dispose]();
      gauges = undefined;
    },
  };
}

function checkProvider(option: string, method: string, provider: object | undefined): void {
  if (provider !== undefined && typeof (provider as Readonly<Record<string, unknown>> | null)?.[method] !== 'function')
    throw new TypeError(`${option} has no method ${method}: give the provider of your SDK`);
}

interface Metered {
  readonly instruments: Instruments;
  readonly measures: Measures;
}

const METERED = new WeakMap<MeterProvider, Metered>();

/** The SDK knows an instrument by its name, and of two sums of one name tells the last: all observers of a provider add to one. */
function meteredBy(provider: MeterProvider, meter: Meter): Metered {
  const known = METERED.get(provider);
  if (known !== undefined) return known;
  const instruments = createInstruments(meter);
  const measures = createMeasures(instruments, createOwnMetrics(meter, instruments.metricsDropped));
  METERED.set(provider, { instruments, measures });
  return { instruments, measures };
}

function checkedCapture(capture: Capture): Required<Capture> {
  checkOptions('capture', capture, CAPTURE);
  const { messages = 'none', tools = 'none', errors = 'none', keys = false } = capture;
  for (const [name, mode] of Object.entries({ messages, tools, errors }))
    if (!MODES.includes(mode))
      throw new TypeError(`capture.${name} is one of ${MODES.join(', ')}, not ${String(mode)}`);
  return { messages, tools, errors, keys };
}
