import { PrusikError, type Clock, type JsonObject } from '@prusik/core';
import { callFailure } from './call-failure.ts';
import type { Connection } from './connection.ts';
import { endOf } from './connection-end.ts';
import { createDeadline } from './deadline.ts';
import type { McpLimits } from './limits.ts';
import { createSending } from './sending.ts';
import { wireOf } from './wire.ts';
import { visibleText } from './visible-text.ts';

/** Something that the server asked while a call was open, and waits for. */
export interface OpenAsk<T> {
  readonly asked: T;
  /** Gives the server its answer; `undefined`: it is refused. */
  answer(result: JsonObject | undefined): void;
}

/** How far a call has come: it is answered, or its server asks. */
export type Turn<T> = { readonly result: JsonObject } | { readonly asks: readonly OpenAsk<T>[] };

/** Whoever waits for a call at the moment. */
export interface Watcher {
  readonly signal: AbortSignal;
  progress(text: string): void;
}

/** One `tools/call` that was sent and may stay open while people think. */
export interface OpenCall<T> {
  /** Until the answer, or until the server asks. Of several asks at once all are told that have come. */
  turn(watcher: Watcher): Promise<Turn<T>>;
  ask(ask: OpenAsk<T>): void;
  /** Nobody waits for it any more: its server is told. */
  giveUp(reason: unknown): void;
  /** Milliseconds that are left to it. */
  left(): number;
  /** Settles with the call, whatever becomes of it. */
  readonly over: Promise<void>;
}

/** A tool as its server has it. */
export interface CalledTool {
  readonly name: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
}

/** What is called. */
export interface OpenCallOptions {
  readonly server: string;
  readonly connection: Connection;
  readonly tool: CalledTool;
  /** Of `tools/call`, without `_meta.progressToken`. */
  readonly params: JsonObject;
  readonly limits: Pick<McpLimits, 'callMs' | 'totalMs'>;
  readonly clock: Clock;
  readonly oddity: (text: string) => void;
}

/** Progress is told no more often. */
const PROGRESS_MS = 100;
const LONGEST_PROGRESS = 500;
/** The longest that a timer of the client can be set to. */
const NEVER_MS = 2_147_483_647;

export function openCall<T>(options: OpenCallOptions): OpenCall<T> {
  const { server, connection, tool, limits, clock } = options;
  const controller = new AbortController();
  const sending = createSending();
  let watcher: Watcher | undefined;
  let asks: OpenAsk<T>[] = [];
  let asked: (() => void) | undefined;
  let lastProgress = -Infinity;

  const deadline = createDeadline({
    ...limits,
    clock,
    passed: (which) => controller.abort(timedOut(server, tool.name, which, limits[which], sending.sent)),
  });
  const heard = wireOf(connection.client).listen({
    shown: { content: [] },
    late: options.oddity,
    progress(params) {
      deadline.heard();
      const now = clock.monotonic();
      if (now - lastProgress < PROGRESS_MS) return;
      lastProgress = now;
      const text = progressText(params);
      if (text !== undefined) watcher?.progress(text);
    },
  });

  async function request(): Promise<JsonObject> {
    const meta = options.params['_meta'];
    const params = { ...options.params, _meta: { ...(meta as JsonObject | undefined), progressToken: heard.token } };
    try {
      const result = await connection.client.callTool(params as unknown as { readonly name: string }, {
        ...sending.options,
        signal: controller.signal,
        timeout: NEVER_MS,
        allowInputRequired: true,
        // Without its schema of results: the client would throw for a result that does not fit, after the call.
        toolDefinition: { name: tool.name, inputSchema: tool.inputSchema as { type: 'object' } },
      });
      return heard.result() ?? (result as JsonObject);
    } catch (thrown) {
      if (controller.signal.aborted) throw controller.signal.reason;
      const ended = await endOf(connection, thrown, clock);
      const failure = { server, tool: tool.name, thrown: ended ?? thrown, ended: ended !== undefined };
      throw callFailure({ ...failure, sent: sending.sent });
    } finally {
      heard[Symbol.dispose]();
      deadline[Symbol.dispose]();
    }
  }

  const answered = request();
  const over = answered.then(
    () => {},
    () => {},
  );

  return {
    over,
    giveUp: (reason) => controller.abort(reason),
    left: () => deadline.left(),
    ask(ask) {
      deadline.pause();
      asks.push(ask);
      asked?.();
    },
    async turn(by) {
      watcher = by;
      deadline.resume();
      const abort = (): void => controller.abort(by.signal.reason);
      if (by.signal.aborted) abort();
      by.signal.addEventListener('abort', abort, { once: true });
      const question = new Promise<undefined>((resolve) => {
        asked = () => resolve(undefined);
        if (asks.length > 0) resolve(undefined);
      });
      try {
        const result = await Promise.race([answered, question]);
        if (result !== undefined) return { result };
        const told = asks;
        asks = [];
        return { asks: told };
      } finally {
        by.signal.removeEventListener('abort', abort);
        watcher = undefined;
        asked = undefined;
      }
    },
  };
}

function timedOut(server: string, tool: string, which: 'callMs' | 'totalMs', ms: number, sent: boolean): PrusikError {
  const what = which === 'callMs' ? `gave no sign of life within ${ms} ms` : `was not done within ${ms} ms`;
  const where = `The tool ${JSON.stringify(tool)} of the MCP server ${JSON.stringify(server)}`;
  return new PrusikError('MCP_CALL_TIMEOUT', `${where} ${what}`, {
    meta: { server, tool, limit: which, ms, ...(sent ? { inDoubt: true } : { sent: false }) },
  });
}

function progressText({ message, progress, total }: JsonObject): string | undefined {
  const done = typeof progress === 'number' ? `${progress}${typeof total === 'number' ? `/${total}` : ''}` : undefined;
  const text = typeof message === 'string' ? visibleText(message.slice(0, LONGEST_PROGRESS)) : undefined;
  return text === undefined || done === undefined ? (text ?? done) : `${done} ${text}`;
}
