import {
  checkId,
  checkMessage,
  checkOptions,
  DEFAULT_TENANT,
  PrusikError,
  type DurableDefinition,
  type Json,
  type Message,
  type NewId,
  type NewRun,
  type Observer,
  type Run,
  type RunKey,
  type Store,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import { budgetOf } from './budget-of.ts';
import { checkMs } from './check-numbers.ts';
import type { DriveOptions, Engine, EngineLimits, StartOptions } from './engine-types.ts';
import { delegationRights } from './delegation-rights.ts';
import { refusedStart } from './refused-start.ts';
import { blobsFor, openingMessages, parseInput } from './run-opening.ts';
import { checkedTurn, inputHashOf } from './turn.ts';

type Definition = DurableDefinition<never, unknown, unknown>;

const KNOWN = {
  names: {
    tenant: true,
    id: true,
    session: true,
    messageId: true,
    turn: true,
    turnContext: true,
    context: true,
    priority: true,
    attended: true,
    budget: true,
    blobs: true,
    timeoutMs: true,
    // Of `run()`, which starts with all that it is given.
    signal: true,
  } satisfies Record<keyof (StartOptions & DriveOptions), true>,
  elsewhere: { abortSignal: 'signal', timeout: 'timeoutMs', runId: 'id', sessionId: 'session' },
};

export interface StarterOptions {
  readonly store: Store;
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly limits: EngineLimits;
  readonly newId: NewId;
  readonly observer: Observer | undefined;
}

/** Makes runs of inputs and stores them. */
export function createStarter({
  store,
  definitions,
  limits,
  newId,
  observer,
}: StarterOptions): Pick<Engine, 'start' | 'startAgain'> {
  function find(name: string): Definition {
    const definition = definitions.get(name);
    if (definition !== undefined) return definition;
    const message = `There is no definition named ${name}; known: ${[...definitions.keys()].join(', ')}`;
    throw new PrusikError('NO_DEFINITION', message, { meta: { definition: name } });
  }

  function keyOf(given: StartOptions): RunKey {
    return {
      tenant: checkId('tenant', given.tenant ?? DEFAULT_TENANT),
      run: checkId('run', given.id ?? newId()),
    };
  }

  /** What the user says, under the id that the caller has given it, and what the caller says of the turn before it. */
  function messagesOf(
    definition: Definition,
    input: Json,
    { messageId, turnContext = [] }: StartOptions,
  ): readonly Message[] {
    const opening = openingMessages(definition, input);
    const spoken = opening.findLastIndex(({ kind }) => kind === 'user');
    if (messageId !== undefined && spoken < 0)
      throw new TypeError(`${definition.name} makes no user message of its input that could be named ${messageId}`);
    const named = opening.map((message, index) =>
      messageId !== undefined && index === spoken ? { ...message, id: messageId } : message,
    );
    if (turnContext.length === 0) return named;
    bounded('context of a turn', turnContext as readonly Json[], limits.maxValueBytes);
    const content = turnContext.map((text) => ({ type: 'text', text }) as const);
    const context: Message = { v: 1, id: newId(), role: 'user', kind: 'context', content };
    checkMessage(context);
    return [context, ...named];
  }

  function newRun(
    definition: Definition,
    key: RunKey,
    what: Pick<NewRun, 'input' | 'context' | 'messages'>,
    given: StartOptions,
  ): NewRun {
    checkOptions(`A start of ${definition.name}`, given, KNOWN);
    const budget = budgetOf(given.budget, definition);
    const { session } = given;
    if (given.timeoutMs !== undefined) checkMs(`run ${key.run}: timeoutMs`, given.timeoutMs);
    const rights = delegationRights(definition);
    const turn = checkedTurn(definition, given.turn, limits.maxValueBytes);
    const trace = observer?.caller();
    return {
      key,
      kind: definition.kind,
      definition: definition.name,
      version: definition.version,
      ...what,
      inputHash: inputHashOf(what.input, turn),
      ...(turn === undefined ? {} : { turn }),
      priority: given.priority ?? 0,
      attended: given.attended ?? true,
      ...(rights.delegation === undefined ? {} : { rights }),
      ...(given.timeoutMs === undefined ? {} : { timeoutMs: given.timeoutMs }),
      ...blobsFor(what.messages, given.blobs),
      root: key.run,
      depth: 0,
      ...(budget === undefined ? {} : { budget }),
      ...(trace === undefined ? {} : { trace }),
      ...(session === undefined
        ? {}
        : { session: { ...session, id: checkId('session', session.id), whenBusy: session.whenBusy ?? 'refuse' } }),
    };
  }

  async function stored(run: NewRun): Promise<Run> {
    const result = await store.start(run);
    if (result.outcome === 'refused') throw refusedStart(result, run);
    return result.run;
  }

  return {
    async start(name, input, given = {}) {
      const definition = find(name);
      const key = keyOf(given);
      const parsed = await parseInput(definition, input, limits, (body) => store.putBlob(key.tenant, body));
      const context = bounded('context of a run', given.context ?? null, limits.maxValueBytes);
      const messages = messagesOf(definition, parsed, given);
      return stored(newRun(definition, key, { input: parsed, context, messages }, given));
    },
    async startAgain(like, given = {}) {
      const run = await store.run(like);
      if (run === undefined)
        throw new PrusikError('RUN_UNKNOWN', `There is no run ${like.run}`, { meta: { run: like.run } });
      const definition = find(run.definition);
      const { input } = run;
      const context =
        given.context === undefined ? run.context : bounded('context of a run', given.context, limits.maxValueBytes);
      const key = keyOf({ ...given, tenant: like.tenant });
      const budget = given.budget ?? (await store.ledger(like))?.limits;
      const session = run.session === undefined ? undefined : { id: run.session, ...given.session };
      return stored(
        newRun(
          definition,
          key,
          { input, context, messages: [] },
          {
            attended: run.attended,
            ...(run.turn === undefined ? {} : { turn: run.turn }),
            ...given,
            ...(budget === undefined ? {} : { budget }),
            ...(session ? { session } : {}),
          },
        ),
      );
    },
  };
}
