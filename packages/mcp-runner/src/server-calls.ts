import {
  CALL_NEEDS_LIMIT,
  isPrusikError,
  PrusikError,
  type CallAnswer,
  type CallAnswers,
  type CallNeed,
  type CallNeeds,
  type CallResult,
  type Clock,
  type Effect,
  type Json,
  type JsonObject,
  type NewId,
  type TraceContext,
} from '@prusik/core';
import { callOutcome } from './call-content.ts';
import { askRefused, liveNeedsOf, readState, type CallState } from './call-state.ts';
import type { Connection } from './connection.ts';
import { wasNotSent } from './errors.ts';
import { nextRound, replyOf } from './input-required.ts';
import type { McpLimits } from './limits.ts';
import { createLiveCalls, type LiveCall } from './live-calls.ts';
import { openCall, type CalledTool, type Watcher } from './open-call.ts';
import { checkVisited, requiredUrls } from './required-urls.ts';
import { signInNeed } from './sign-in-need.ts';
import type { Asked, ServerAsks } from './server-asks.ts';
import { traceMeta, type TraceFields } from './trace-meta.ts';

/** Lends a connection for as long as the work takes. */
export type UseConnection = <T>(work: (connection: Connection) => Promise<T>, signal: AbortSignal) => Promise<T>;

/** One call, as it was decided. */
export interface ServerCall {
  /** For errors: what it is called. */
  readonly name: string;
  readonly use: UseConnection;
  /** As it is over the connection that the call is made over; rejects where it may not be called. */
  tool(connection: Connection): Promise<CalledTool>;
  readonly input: JsonObject;
  readonly effect: Effect;
  readonly continues?: CallAnswers;
}

/** Whoever waits for a call. */
export interface CallWatcher extends Watcher {
  /** Who answers what the server asks while the call is open: calls of the same one may be mistaken for each other. `undefined`: nobody can. */
  readonly asker: string | undefined;
  /** Where the call stands in a trace. */
  readonly trace?: TraceContext | undefined;
}

/** Calls of the tools of one server. */
export interface ServerCalls {
  /**
   * Calls once. What the server has to be answered first is in the result; the call goes on when it is called with the answers.
   *
   * @throws {PrusikError} with `meta.inDoubt` when the request was written and nobody knows what became of it: `MCP_CALL_LOST`, `MCP_CALL_TIMEOUT`.
   * @throws {PrusikError} `MCP_SERVER_ERROR`, `MCP_PROTOCOL_ERROR`, `MCP_ASK_REFUSED` when it is over without a result.
   */
  call(call: ServerCall, watcher: CallWatcher): Promise<CallResult>;
  /** Ends a call that is open and waits for answers that will not come; false where it is not open here. */
  giveUp(state: Json, reason: unknown): boolean;
}

export interface ServerCallsOptions {
  readonly server: string;
  readonly asks: ServerAsks;
  readonly limits: McpLimits;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly traceContext: TraceFields | undefined;
  readonly oddity: (text: string) => void;
}

const MOST = CALL_NEEDS_LIMIT;
const NOTHING: ReadonlyMap<string, CallAnswer> = new Map();

export function createServerCalls(options: ServerCallsOptions): ServerCalls {
  const { server, asks, limits, clock, newId, oddity } = options;
  const lives = createLiveCalls({ clock, newId, keptMs: limits.totalMs });

  /** One request, to its answer or to what its server asks meanwhile. */
  async function exchange(
    connection: Connection,
    tool: CalledTool,
    params: JsonObject,
    known: ReadonlyMap<string, CallAnswer>,
    watcher: CallWatcher,
  ): Promise<Ended> {
    const call = openCall<Asked>({ server, connection, tool, params, limits, clock, oddity });
    const rounds = { count: 0 };
    let asked = 0;
    const listening = asks.listen(connection.client, {
      asker: watcher.asker,
      known,
      ask(one) {
        asked += 1;
        if (watcher.asker === undefined || lives.size >= limits.calls) return false;
        if (asked > MOST.needs || rounds.count >= MOST.rounds) return false;
        call.ask(one);
        // Whoever was asked too late answers nobody.
        void call.over.then(() => one.answer(one.asked.result({ status: 'unavailable' })));
        return true;
      },
    });
    void call.over.then(() => listening[Symbol.dispose]());
    return advance({ call, tool, asks: new Map(), before: known, rounds }, watcher);
  }

  async function advance(live: LiveCall, watcher: CallWatcher): Promise<Ended> {
    const turn = await live.call.turn(watcher);
    if ('result' in turn) return turn;
    live.rounds.count += 1;
    const asked = turn.asks.map((one, index) => [`${index + 1}`, one] as const);
    const expiresInMs = Math.max(1, live.call.left());
    const needs = asked.map(([key, one]) => [key, withTime(one.asked.need, expiresInMs)] as const);
    const token = lives.keep({ ...live, asks: new Map(asked) });
    const hashes = Object.fromEntries(asked.map(([key, one]) => [key, one.asked.hash]));
    const state = { as: 'live', token, asks: hashes, before: Object.fromEntries(live.before) } as const;
    return { needs: liveNeedsOf(Object.fromEntries(needs), state), until: live.call.over };
  }

  /** Answers a call that is open here. */
  async function resume(live: LiveCall, answers: CallAnswers['answers'], watcher: CallWatcher): Promise<CallResult> {
    const before = new Map(live.before);
    for (const [key, { asked, answer }] of live.asks) {
      const given = answers[key] ?? { status: 'unavailable' };
      before.set(asked.hash, given);
      answer(asked.result(given));
    }
    const ended = await advance({ ...live, before }, watcher);
    return 'needs' in ended ? ended.needs : outcomeOf(ended.result, live.tool);
  }

  async function begin(
    connection: Connection,
    call: ServerCall,
    state: Exclude<CallState, { readonly as: 'live' }> | undefined,
    known: ReadonlyMap<string, CallAnswer>,
    watcher: CallWatcher,
  ): Promise<Told> {
    const tool = await call.tool(connection);
    const ask = asks.offer(connection.client);
    const base = { name: tool.name, arguments: call.input, ...traceMeta(watcher.trace, options.traceContext, oddity) };
    let round = state?.round ?? 0;
    let reply = state?.as === 'round' ? replyOf(state, call.continues?.answers ?? {}, ask) : {};
    for (;;) {
      const ended = await exchange(connection, tool, { ...base, ...reply }, known, watcher).catch(
        (error: unknown): Ended => {
          const needs = isPrusikError(error, 'MCP_SERVER_ERROR') && requiredUrls(error.cause, round + 1, ask);
          // It was called, and went on with nothing: from the start it might do again what it has done.
          if (round > (state?.round ?? 0) && call.effect !== 'repeatable' && wasNotSent(error))
            throw lost(server, call.name, 'and cannot be reached to go on', error);
          if (!needs) throw error;
          if (round >= MOST.rounds) throw askRefused(`it asked ${MOST.rounds} times`);
          return { needs };
        },
      );
      if ('needs' in ended) return { told: ended.needs, until: ended.until };
      const { result } = ended;
      if (result['resultType'] !== 'input_required' || connection.protocol.era === 'legacy')
        return { told: outcomeOf(result, tool) };
      round += 1;
      if (round > MOST.rounds) throw askRefused(`it asked ${MOST.rounds} times`);
      const next = nextRound(result, round, ask);
      if ('needs' in next) return { told: next.needs };
      reply = next.reply;
    }
  }

  const outcomeOf = (result: JsonObject, tool: CalledTool): CallResult =>
    callOutcome(result, {
      maxBytes: limits.resultBytes,
      ...(tool.outputSchema === undefined ? {} : { outputSchema: tool.outputSchema }),
    });

  return {
    async call(call, watcher) {
      watcher.signal.throwIfAborted();
      const state = call.continues === undefined ? undefined : readState(call.continues.state);
      if (state?.as !== 'live') {
        if (state?.as === 'again') checkVisited(server, state, call.continues?.answers ?? {});
        const round = (state?.round ?? 0) + 1;
        return lend(call.use, watcher.signal, (connection) => begin(connection, call, state, NOTHING, watcher)).catch(
          (error: unknown) => {
            // Who has answered in a round and has to sign in then would lose the answer.
            const mayAsk = watcher.asker !== undefined && state?.as !== 'round' && round <= MOST.rounds;
            const needs = mayAsk ? signInNeed(error, round) : undefined;
            if (needs === undefined) throw error;
            return needs;
          },
        );
      }
      const live = lives.take(state.token);
      const answers = call.continues?.answers ?? {};
      if (live !== undefined) return resume(live, answers, watcher);
      if (call.effect !== 'repeatable')
        throw lost(server, call.name, 'and was open in a process that is gone, or for too long');
      const known = answersOf(state, answers);
      return lend(call.use, watcher.signal, (connection) => begin(connection, call, undefined, known, watcher));
    },

    giveUp(given, reason) {
      const state = readState(given);
      const live = state.as === 'live' ? lives.take(state.token) : undefined;
      live?.call.giveUp(reason);
      return live !== undefined;
    },
  };
}

/** An answer helps as long as the call is open. */
const withTime = (need: CallNeed, expiresInMs: number): CallNeed =>
  need.kind === 'sample' ? need : { ...need, expiresInMs };

/** `until`: the request is still open, and its connection in use. */
type Ended = { readonly result: JsonObject } | { readonly needs: CallNeeds; readonly until?: Promise<void> };

/** What whoever called is told, and how long the connection is in use all the same. */
interface Told {
  readonly told: CallResult;
  readonly until?: Promise<void> | undefined;
}

/** Whoever waits is told before the connection is given back: a call that is open holds it, so that nobody stops it as idle. */
function lend(
  use: UseConnection,
  signal: AbortSignal,
  work: (connection: Connection) => Promise<Told>,
): Promise<CallResult> {
  return new Promise((resolve, reject) => {
    const used = use(async (connection) => {
      const { told, until } = await work(connection);
      resolve(told);
      await until;
    }, signal);
    used.catch(reject);
  });
}

/** By the hash of what was asked: a server that is asked from the start may ask in another order, or something else. */
function answersOf(
  { asks, before }: Extract<CallState, { readonly as: 'live' }>,
  answers: Readonly<Record<string, CallAnswer>>,
): ReadonlyMap<string, CallAnswer> {
  const known = new Map(Object.entries(before));
  for (const [key, hash] of Object.entries(asks)) {
    const answer = answers[key];
    if (answer !== undefined) known.set(hash, answer);
  }
  return known;
}

const lost = (server: string, tool: string, why: string, cause?: unknown): PrusikError =>
  new PrusikError(
    'MCP_CALL_LOST',
    `The tool ${JSON.stringify(tool)} of the MCP server ${JSON.stringify(server)} was called, ${why}; nobody knows what became of it`,
    { meta: { server, tool, inDoubt: true }, ...(cause === undefined ? {} : { cause }) },
  );
