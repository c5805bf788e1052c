import type { CaptureMode } from '@prusik/telemetry';
import { KINDS, SECRETS, type Kind } from '../src/words.ts';
import type { AppRun } from './run-app.ts';

const ALL = Object.keys(KINDS) as readonly Kind[];
const except = (...kinds: readonly Kind[]): readonly Kind[] => ALL.filter((kind) => !kinds.includes(kind));

/** Whom something is meant for. Nothing is meant for anybody else. */
const MEANT: Readonly<Record<string, readonly Kind[]>> = {
  // The app's own, for the test.
  app: ALL,
  sent: ALL,
  // A user is shown his conversation, and a caller what came of his run.
  product: except(...SECRETS),
  results: except(...SECRETS),
  // Message and cause are for whoever holds an error, the store is trusted, and a model is told what it is to know.
  errors: except(...SECRETS),
  journal: except(...SECRETS),
  model: except(...SECRETS, 'userContext', 'sessionState', 'note', 'logLine', 'decisionReason', 'stepKey'),
  // Whoever lists runs may know which have the same input: by its hash, which is the store's own.
  summaries: ['prompt', 'runInput'],
  // A net for shapes of credentials, which is all that it promises.
  export: except(...SECRETS, 'shapedSecret'),
  // Names of tools are kept, and a model may make one up.
  'export without content': ['madeUpTool'],
  // Keys of steps are what they tell of.
  cli: ['stepKey'],
  flow: ['stepKey'],
  provider: ['providerKey', 'providerHeader', 'providerQuery'],
  'http server': ['httpInput', 'mcpHeader'],
  'stdio server': ['mcpInput'],
};

/** The attributes that content is captured in, and where they all are. */
const CAPTURED: ReadonlySet<string> = new Set([
  'span attribute gen_ai.input.messages',
  'span attribute gen_ai.output.messages',
  'span attribute gen_ai.tool.call.arguments',
  'span attribute gen_ai.tool.call.result',
  'span attribute error.message',
  'collector /json/v1/traces',
  'collector /protobuf/v1/traces',
]);

/** What stands where it is meant for nobody, as `kind in sink`. */
export function leaksOf({ found }: AppRun, capture: CaptureMode): readonly string[] {
  const meant = (sink: string): readonly Kind[] =>
    capture === 'full' && CAPTURED.has(sink) ? except(...SECRETS, 'shapedSecret') : (MEANT[sink] ?? []);
  return [...found].flatMap(([sink, kinds]) =>
    kinds.flatMap((kind) => (meant(sink).includes(kind) ? [] : [`${kind} in ${sink}`])),
  );
}

/** What is written to by an app that is alive: a sink that nothing reaches has no leak. */
export const WRITTEN: readonly string[] = [
  ...Object.keys(MEANT),
  'stderr',
  'warning',
  'logger',
  'observed',
  'inspect',
  'health',
  'chat',
  'span name',
  'span status',
  'span link',
  'span resource',
  'collector headers',
  'collector /json/v1/traces',
  'collector /protobuf/v1/traces',
  'collector /v1/metrics',
];
