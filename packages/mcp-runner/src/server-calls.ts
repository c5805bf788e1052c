import {
  isPrusikError,
  PrusikError,
  type CallAnswer,
  type CallAnswers,
  type CallResult,
  type Clock,
  type Effect,
  type JsonObject,
  type NewId,
} from '@prusik/core';
import { callOutcome } from './call-content.ts';
import { askRefused, MOST_NEEDS, MOST_ROUNDS, needsOf, readState, type CallState } from './call-state.ts';
import type { Connection } from './connection.ts';
import { nextRound, replyOf } from './input-required.ts';
import type { McpLimits } from './limits.ts';
import { createLiveCalls, type LiveCall } from './live-calls.ts';
import { openCall, type Watcher } from './open-call.ts';
import { checkVisited, requiredUrls } from './required-urls.ts';
import type { Asked, ServerAsks } from './server-asks.ts';
import { traceMeta, type TraceContext } from './trace-meta.ts';

/** A connection that is lent for a call. */
export interface Lease {
  readonly connection: Connection;
  /** Keeps it from being stopped as idle when the work is done and a call of it is still open. */
  hold(): Disposable;
}

/** Lends a connection for as long as the work takes. */
export type UseConnection = <T>(work: (lease: Lease) => Promise<T>, signal: AbortSignal) => Promise<T>;

/** One call, as it was decided. */
export interface ServerCall {
  readonly tool: {
    /** As the server has it. */
    readonly name: string;
    readonly inputSchema: JsonObject;
    readonly outputSchema?: JsonObject;
  };
  readonly input: JsonObject;
  readonly effect: Effect;
  readonly continues?: CallAnswers;
}

/** Whoever waits for a call. */
export interface CallWatcher extends Watcher {
  /** Who answers what the server asks: calls of the same one may be mistaken for each other. */
  readonly asker: string;
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
}

export interface ServerCallsOptions {
  readonly server: string;
  readonly asks: ServerAsks;
  readonly use: UseConnection;
  readonly limits: McpLimits;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly traceContext: TraceContext | undefined;
  readonly oddity: (text: string) => void;
}

const NOTHING: ReadonlyMap<string, CallAnswer> = new Map();

export function createServerCalls(options: ServerCallsOptions): ServerCalls {
  const { server, asks, use, limits, clock, newId, oddity } = options;
  const lives = createLiveCalls({ clock, newId, keptMs: limits.totalMs });

  /** One request, to its answer or to what its server asks meanwhile. */
  async function exchange(
    lease: Lease,
    { tool }: ServerCall,
    params: JsonObject,
    known: ReadonlyMap<string, CallAnswer>,
    watcher: CallWatcher,
  ): Promise<Ended> {
    const { connection } = lease;
    const call = openCall<Asked>({ server, connection, tool, params, limits, clock, oddity });
    let asked = 0;
    const listening = asks.listen(connection.client, {
      asker: watcher.asker,
      known,
      ask(one) {
        asked += 1;
        if (asked > MOST_ROUNDS || lives.size >= limits.calls) return false;
        call.ask(one);
        return true;
      },
    });
    void call.over.then(() => listening[Symbol.dispose]());
    const ended = await advance({ call, asks: new Map(), before: known }, watcher);
    if ('needs' in ended) {
      const held = lease.hold();
      void call.over.then(() => held[Symbol.dispose]());
    }
    return ended;
  }

  async function advance(live: LiveCall, watcher: CallWatcher): Promise<Ended> {
    const turn = await live.call.turn(watcher);
    if ('result' in turn) return turn;
    const asked = new Map(turn.asks.slice(0, MOST_NEEDS).map((one, index) => [`${index + 1}`, one] as const));
    for (const more of turn.asks.slice(MOST_NEEDS)) more.answer(more.asked.result({ status: 'unavailable' }));
    const expiresInMs = live.call.left();
    const needs = Object.fromEntries(
      [...asked].map(
        ([
          key,
          {
            asked: { need },
          },
        ]) => [key, need.kind === 'sample' ? need : { ...need, expiresInMs }],
      ),
    );
    const token = lives.keep({ ...live, asks: asked });
    const hashes = Object.fromEntries([...asked].map(([key, one]) => [key, one.asked.hash]));
    return { needs: needsOf(needs, { as: 'live', token, asks: hashes, before: Object.fromEntries(live.before) }) };
  }

  /** Answers a call that is open here. */
  async function resume(live: LiveCall, call: ServerCall, watcher: CallWatcher): Promise<CallResult> {
    const before = new Map(live.before);
    for (const [key, { asked, answer }] of live.asks) {
      const given = call.continues?.answers[key] ?? { status: 'unavailable' };
      before.set(asked.hash, given);
      answer(asked.result(given));
    }
    const ended = await advance({ ...live, before }, watcher);
    return 'needs' in ended ? ended.needs : outcomeOf(ended.result, call);
  }

  async function begin(
    lease: Lease,
    call: ServerCall,
    state: Exclude<CallState, { readonly as: 'live' }> | undefined,
    known: ReadonlyMap<string, CallAnswer>,
    watcher: CallWatcher,
  ): Promise<CallResult> {
    const ask = asks.offer(lease.connection.client);
    const base = { name: call.tool.name, arguments: call.input, ...traceMeta(options.traceContext, oddity) };
    let round = state?.round ?? 0;
    let reply = state?.as === 'round' ? replyOf(state, call.continues?.answers ?? {}, ask) : {};
    for (;;) {
      const ended = await exchange(lease, call, { ...base, ...reply }, known, watcher).catch((error: unknown) => {
        const needs = isPrusikError(error, 'MCP_SERVER_ERROR') && requiredUrls(error.cause, round + 1, ask);
        if (!needs) throw error;
        if (round >= MOST_ROUNDS) throw askRefused(`it asked ${MOST_ROUNDS} times`);
        return { needs };
      });
      if ('needs' in ended) return ended.needs;
      const { result } = ended;
      if (result['resultType'] !== 'input_required' || lease.connection.protocol.era === 'legacy')
        return outcomeOf(result, call);
      round += 1;
      if (round > MOST_ROUNDS) throw askRefused(`it asked ${MOST_ROUNDS} times`);
      const next = nextRound(result, round, ask);
      if ('needs' in next) return next.needs;
      reply = next.reply;
    }
  }

  const outcomeOf = (result: JsonObject, { tool }: ServerCall): CallResult =>
    callOutcome(result, {
      maxBytes: limits.resultBytes,
      ...(tool.outputSchema === undefined ? {} : { outputSchema: tool.outputSchema }),
    });

  return {
    async call(call, watcher) {
      watcher.signal.throwIfAborted();
      const state = call.continues === undefined ? undefined : readState(call.continues.state);
      if (state?.as !== 'live') {
        if (state?.as === 'again') checkVisited(call.continues?.answers ?? {});
        return use((lease) => begin(lease, call, state, NOTHING, watcher), watcher.signal);
      }
      const live = lives.take(state.token);
      if (live !== undefined) return resume(live, call, watcher);
      if (call.effect !== 'repeatable') throw lost(server, call.tool.name);
      const known = answersOf(state, call.continues?.answers ?? {});
      return use((lease) => begin(lease, call, undefined, known, watcher), watcher.signal);
    },
  };
}

type Ended = { readonly result: JsonObject } | { readonly needs: Extract<CallResult, { readonly type: 'needs' }> };

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

const lost = (server: string, tool: string): PrusikError =>
  new PrusikError(
    'MCP_CALL_LOST',
    `The tool ${JSON.stringify(tool)} of the MCP server ${JSON.stringify(server)} was open in a process that is gone, or for too long, and nobody knows what became of it`,
    { meta: { server, tool, inDoubt: true } },
  );
