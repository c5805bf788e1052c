import {
  checkOptions,
  createCleanup,
  DEFAULT_TENANT,
  PrusikError,
  listArtifacts,
  systemClock,
  type DefinitionMap,
  type InferInput,
  type Json,
  type RunKey,
  type StandardSchema,
} from '@prusik/core';
import { createDecisions, createEngine, warningsTo } from '@prusik/durable';
import { createSessions } from '@prusik/sessions';
import { withChildren } from '@prusik/core';
import { bindDefinitions, variantName } from './bind-definitions.ts';
import { checkAssembly } from './check-assembly.ts';
import type { DepsOption, HarnessBasics, HarnessOptions, ModelsOption } from './harness-options.ts';
import type { Harness, HarnessStartOptions, RunRef } from './harness-types.ts';
import { inspect, packagesOf } from './inspect.ts';
import { createLiveRuns, tellStarts } from './live-runs.ts';
import { prepareStart } from './prepare-start.ts';
import { warnOfAssembly } from './warn-of-assembly.ts';

const KNOWN = {
  names: {
    store: true,
    agents: true,
    workflows: true,
    sandbox: true,
    context: true,
    limits: true,
    canAnswer: true,
    ephemeral: true,
    atDispose: true,
    finishMs: true,
    keepOpen: true,
    owns: true,
    clock: true,
    newId: true,
    onWarning: true,
    observers: true,
    logger: true,
    deps: true,
    models: true,
  } satisfies Record<keyof HarnessBasics<DefinitionMap, DefinitionMap, StandardSchema> | 'deps' | 'models', true>,
};

/**
 * Assembles definitions over a store. Everything that is wrong with the assembly is found here, with its path and its fix.
 *
 * @throws {TypeError} with one line for each problem.
 */
export function defineHarness<
  Agents extends DefinitionMap = Record<never, never>,
  Workflows extends DefinitionMap = Record<never, never>,
  Context extends StandardSchema = StandardSchema<Json, Json>,
  Alias extends string = string,
>(options: HarnessOptions<Agents, Workflows, Context, Alias>): Harness<Agents & Workflows, InferInput<Context>, Alias>;
export function defineHarness(
  options: HarnessBasics<DefinitionMap, DefinitionMap, StandardSchema> &
    DepsOption<unknown> &
    ModelsOption<string, never>,
): Harness<DefinitionMap, unknown> {
  checkOptions('The harness', options, KNOWN);
  const {
    store,
    sandbox,
    agents = {},
    workflows = {},
    clock = systemClock,
    newId,
    limits = {},
    deps,
    models,
  } = options;
  const { keepOpen = [], owns = [], ephemeral = false, logger } = options;
  const onWarning = warningsTo(options);
  const definitions = withChildren(...Object.values(agents), ...Object.values(workflows));
  const { atDispose = 'release', finishMs = 30_000 } = options;
  checkAssembly({
    agents,
    workflows,
    definitions,
    models,
    store: store.capabilities,
    sandbox: sandbox !== undefined,
    ephemeral,
  });
  // Of a program without types it may be anything.
  const unowned = owns.findIndex(
    (owned: Partial<AsyncDisposable>) => typeof owned?.[Symbol.asyncDispose] !== 'function',
  );
  if (unowned >= 0)
    throw new TypeError(`The harness: owns[${unowned}] cannot be closed: it has no Symbol.asyncDispose`);
  if (!(finishMs > 0)) throw new TypeError(`The harness: finishMs must be more than 0, not ${finishMs}`);
  warnOfAssembly({ definitions, packages: packagesOf({ store: store.capabilities, sandbox, definitions }) }, onWarning);

  const driven = bindDefinitions(definitions, agents, models, { clock, ...(newId ? { newId } : {}) });
  const engine = createEngine({
    store:
      atDispose === 'release' ? store : tellStarts(store, { before: checkOpen, after: (run) => live?.started(run) }),
    definitions: driven,
    clock,
    limits,
    onWarning,
    ...(logger ? { logger } : {}),
    ...(deps ? { deps } : {}),
    ...(sandbox ? { forks: sandbox.workspaces } : {}),
    ...(options.canAnswer ? { canAnswer: options.canAnswer } : {}),
    ...(newId ? { newId } : {}),
    ...(options.observers ? { observers: options.observers } : {}),
  });
  const sessions = createSessions(engine, newId ? { newId } : {});
  const live = atDispose === 'release' ? undefined : createLiveRuns(engine, clock);
  const disposals = createCleanup();
  if (!keepOpen.includes('store')) disposals.add('store', () => store[Symbol.asyncDispose]());
  if (sandbox && !keepOpen.includes('sandbox')) disposals.add('sandbox', () => sandbox[Symbol.asyncDispose]());
  for (const [index, owned] of owns.entries()) disposals.add(`owns[${index}]`, () => owned[Symbol.asyncDispose]());
  disposals.add('engine', () => engine[Symbol.asyncDispose]());
  disposals.add('sessions', () => sessions[Symbol.asyncDispose]());
  if (live)
    disposals.add('runs', () =>
      atDispose === 'cancel' ? live.cancelAll('the harness was disposed') : live.finishAll(finishMs),
    );
  let disposed: Promise<void> | undefined;

  async function start(name: string, input: unknown, given: HarnessStartOptions<unknown> = {}) {
    const { model, ...rest } = given;
    const definition = model === undefined ? name : variantName(name, model, agents, models);
    const prepared = await prepareStart(options.context, rest);
    checkOpen();
    return engine.start(definition, input, prepared);
  }

  /** What would be started now nobody would finish or cancel. */
  function checkOpen(): void {
    if (disposed !== undefined) throw new PrusikError('ENGINE_CLOSED', 'The harness is disposed');
  }

  const driving = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });
  const decisions = createDecisions(engine);

  return {
    engine,
    sessions,
    start,
    async run(name, input, { signal, ...given } = {}) {
      signal?.throwIfAborted();
      const run = await start(name, input, given);
      // What its output looks like is the definition's to say.
      return engine.drive<never>(run.key, driving(signal));
    },
    drive: (run, how) => engine.drive(keyOf(run), how),
    worker: () => engine.worker(),
    drain: (how) => engine.drain(how),
    events: (run, how) => engine.events(keyOf(run), how),
    cancel: (run, reason) => engine.cancel(keyOf(run), reason),
    wake: (run) => engine.wake(keyOf(run)),
    health: () => engine.health(),
    signal: (run, key, body) => engine.signal(keyOf(run), key, body),
    requests: (query = {}) => store.listRequests({ tenant: DEFAULT_TENANT, status: ['open'], limit: 100, ...query }),
    watchRequests: (how) => engine.watchRequests(how),
    grants: (query = {}) => store.listGrants({ tenant: DEFAULT_TENANT, active: true, limit: 100, ...query }),
    revokeGrant: (grant, by) =>
      store.revokeGrant(typeof grant === 'string' ? { tenant: DEFAULT_TENANT, grant } : grant, by),
    artifacts: (run) => listArtifacts(store, keyOf(run)),
    readArtifact: ({ run, hash }) => store.readBlob(run.tenant, hash),
    approve: (run, ...rest) => decisions.approve(keyOf(run), ...rest),
    reject: (run, ...rest) => decisions.reject(keyOf(run), ...rest),
    edit: (run, ...rest) => decisions.edit(keyOf(run), ...rest),
    answer: (run, ...rest) => decisions.answer(keyOf(run), ...rest),
    intervene: (run, ...rest) => decisions.intervene(keyOf(run), ...rest),
    inspect: () =>
      inspect({
        definitions,
        models,
        store: store.capabilities,
        ephemeral,
        sandbox,
        context: options.context !== undefined,
        atDispose,
        limits,
      }),
    [Symbol.asyncDispose]: () => (disposed ??= disposals.run()),
  };
}

const keyOf = (run: RunRef): RunKey => (typeof run === 'string' ? { tenant: DEFAULT_TENANT, run } : run);
