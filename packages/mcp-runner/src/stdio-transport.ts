import type {
  JSONRPCMessage,
  JSONRPCNotification,
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/client';
import { PrusikError, type Clock, type WritableSandboxProcess } from '@prusik/core';
import { redactMessage } from './redact-message.ts';
import { unavailable } from './errors.ts';
import type { McpLimits } from './limits.ts';
import { createMessageFramer } from './message-framer.ts';
import { readMessage } from './rpc-message.ts';
import { markSent } from './sending.ts';
import { createStderrTail } from './stderr-tail.ts';
import { settlesWithin } from './wait.ts';

/** What a server has to end by itself when its input is closed, and again when it is asked to. */
const RUNG_MS = 1_000;
/** What a process left in its pipes is there when it is gone; somebody who left its group may hold them open for ever. */
const DRAIN_MS = 100;
/** Requests of the server that are not answered yet. */
const OPEN_REQUESTS = 64;
/** Messages that wait to be written. */
const WAITING_MESSAGES = 1_024;

export interface StdioTransportOptions {
  readonly server: string;
  readonly limits: Pick<McpLimits, 'messageBytes' | 'garbageLines' | 'stderrBytes'>;
  readonly clock: Clock;
  /** Takes the server's secrets out of a text. @default it has none */
  readonly conceal?: (text: string) => string;
  /** Told what is odd; the text comes from the server. */
  readonly oddity: (text: string) => void;
}

/** How the conversation with a server ended. */
export type StdioEnd =
  | { readonly kind: 'closed' }
  /** It is gone. */
  | { readonly kind: 'exit'; readonly exit: Awaited<WritableSandboxProcess['exit']> }
  /** It lives, and neither listens nor answers any more. */
  | { readonly kind: 'deaf' }
  /** It was killed for what it did. */
  | { readonly kind: 'killed'; readonly error: PrusikError };

/** The SDK's transport over a process of a sandbox. */
export interface StdioTransport extends Transport {
  /** By these two the SDK knows a pipe to a process, where silence means a server of the older revisions. */
  readonly stderr: null;
  readonly pid: null;
  /** Resolves when nothing is sent or heard any more; the process may still be about to end. */
  readonly ended: Promise<StdioEnd>;
  /** The end of what it wrote to stderr. */
  stderrText(): string;
  /** When it was last heard, by the monotonic clock. */
  heardAt(): number;
  /** Resolves when no process is left. Never rejects; idempotent. */
  close(): Promise<void>;
}

interface Waiting {
  /** Of a request. */
  readonly id: string | number | undefined;
  readonly bytes: Uint8Array;
  readonly options: TransportSendOptions | undefined;
  readonly resolve: () => void;
  readonly reject: (error: PrusikError) => void;
}

export function createStdioTransport(
  process: WritableSandboxProcess,
  { server, limits, clock, conceal, oddity }: StdioTransportOptions,
): StdioTransport {
  const { messageBytes, garbageLines, stderrBytes } = limits;
  const encoder = new TextEncoder();
  const writer = process.stdin.getWriter();
  const stdout = process.stdout.getReader();
  const stderr = process.stderr.getReader();
  const tail = createStderrTail(stderrBytes);

  let end: StdioEnd | undefined;
  let tellEnd: (end: StdioEnd) => void = () => {};
  const ended = new Promise<StdioEnd>((resolve) => {
    tellEnd = resolve;
  });
  let closing: Promise<void> | undefined;
  let heardAt = clock.monotonic();
  let garbage = 0;

  /** Ids of requests that are on their way, and of the server's that are not answered. */
  const asked = new Set<string | number>();
  const askedOfUs = new Set<string | number>();
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  let writing = false;
  let stdinEnded = false;

  const over = (how: StdioEnd): void => {
    if (end !== undefined) return;
    end = how;
    for (const { reject } of waiting.splice(0)) reject(notWritten());
    waitingBytes = 0;
    tellEnd(how);
    transport.onclose?.();
  };
  const kill = (code: string, message: string): void => {
    over({
      kind: 'killed',
      error: new PrusikError(code, `The MCP server ${JSON.stringify(server)} ${message}`, { meta: { server } }),
    });
    void process.kill().catch(() => {});
  };
  const notWritten = (): PrusikError => unavailable(server, 'its connection is over');

  const endStdin = (): void => {
    if (stdinEnded) return;
    stdinEnded = true;
    // With a write under way it would wait for a server that does not read; that one is ended by a signal.
    if (!writing) writer.close().catch(() => {});
  };

  const write = async (): Promise<void> => {
    writing = true;
    for (let next = waiting.shift(); next !== undefined && end === undefined; next = waiting.shift()) {
      waitingBytes -= next.bytes.length;
      if (next.id !== undefined) markSent(next.options);
      try {
        await writer.write(next.bytes);
        next.resolve();
      } catch {
        // It no longer reads. What became of it is found out first, so that nobody is told less than can be known.
        await lost();
        next.reject(unavailable(server, 'it does not read any more', { meta: { sent: true } }));
      }
    }
    writing = false;
  };
  const send = (message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> =>
    new Promise((resolve, reject) => {
      if (end !== undefined) return reject(notWritten());
      const bytes = encoder.encode(`${JSON.stringify(message)}\n`);
      if (bytes.length > messageBytes)
        return reject(
          new PrusikError(
            'MCP_MESSAGE_TOO_LARGE',
            `A message to the MCP server ${JSON.stringify(server)} has ${bytes.length} bytes, more than messageBytes = ${messageBytes}; nothing was sent`,
            { meta: { server, bytes: bytes.length, limit: messageBytes, sent: false } },
          ),
        );
      if (waiting.length >= WAITING_MESSAGES || waitingBytes + bytes.length > 4 * messageBytes) {
        kill('MCP_PROTOCOL_ERROR', 'lets messages to it pile up and does not read them');
        return reject(notWritten());
      }
      if (isRequest(message)) asked.add(message.id);
      else if (!('method' in message)) askedOfUs.delete(message.id ?? '');
      else if (takenBack(message)) return resolve();
      waitingBytes += bytes.length;
      waiting.push({ id: isRequest(message) ? message.id : undefined, bytes, options, resolve, reject });
      if (!writing) void write();
    });
  /** A request that is cancelled is no longer waited for; true when it was not sent yet, and now never is. */
  const takenBack = ({ method, params }: JSONRPCNotification): boolean => {
    const id = params?.['requestId'];
    if (method !== 'notifications/cancelled' || (typeof id !== 'string' && typeof id !== 'number')) return false;
    asked.delete(id);
    const at = waiting.findIndex((other) => other.id === id);
    if (at === -1) return false;
    const [request] = waiting.splice(at, 1);
    waitingBytes -= request?.bytes.length ?? 0;
    request?.resolve();
    return true;
  };

  const hear = (line: string): void => {
    if (end !== undefined) return;
    const read = readMessage(line);
    if (read === undefined) {
      garbage += 1;
      // Half of a secret is recognised by nobody.
      oddity(`A line that is no message: ${(conceal?.(line) ?? line).slice(0, 200)}`);
      if (garbage > garbageLines)
        kill('MCP_PROTOCOL_ERROR', `wrote more than garbageLines = ${garbageLines} lines that are no message`);
      return;
    }
    if (read.kind === 'answer' && (read.id === null || !asked.delete(read.id)))
      return oddity(`An answer that nobody waits for, to request ${JSON.stringify(read.id)}`);
    if (read.kind === 'request') {
      if (askedOfUs.size >= OPEN_REQUESTS) {
        oddity(`More than ${OPEN_REQUESTS} requests at once: ${read.method} is refused`);
        send({ jsonrpc: '2.0', id: read.id, error: { code: -32_000, message: 'Too many requests at once' } }).catch(
          () => {},
        );
        return;
      }
      askedOfUs.add(read.id);
    }
    if (conceal !== undefined) redactMessage(read.message, conceal);
    try {
      transport.onmessage?.(read.message);
    } catch (error) {
      oddity(`A message that could not be handled: ${String(error)}`);
    }
  };

  const listen = async (): Promise<void> => {
    const framer = createMessageFramer(messageBytes, hear);
    for (;;) {
      const { done, value } = await stdout.read();
      if (done) return;
      heardAt = clock.monotonic();
      // Read on when it is over: it may have something to write before it can end.
      if (end === undefined && !framer.push(value))
        kill('MCP_MESSAGE_TOO_LARGE', `sent a message of more than messageBytes = ${messageBytes} bytes`);
    }
  };
  const drain = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await stderr.read();
      if (done) return;
      tail.add(value);
    }
  };
  /** Its output or its input is at an end, so it is about to go, or will never answer. */
  const lost = async (): Promise<void> => {
    endStdin();
    const gone = await settlesWithin(clock, RUNG_MS, process.exit);
    if (gone) await settlesWithin(clock, DRAIN_MS, drained);
    over(gone ? { kind: 'exit', exit: await process.exit } : { kind: 'deaf' });
  };

  // A stream that fails is one that ends: what it means is told by the exit.
  let drained: Promise<unknown> = Promise.resolve();
  let heard: Promise<unknown> = Promise.resolve();
  const release = async (): Promise<void> => {
    await settlesWithin(clock, DRAIN_MS, Promise.all([heard, drained]));
    await Promise.allSettled([stdout.cancel(), stderr.cancel(), writer.abort()]);
  };
  const shut = async (): Promise<void> => {
    over({ kind: 'closed' });
    endStdin();
    if (!(await settlesWithin(clock, RUNG_MS, process.exit))) await process.kill({ graceMs: RUNG_MS }).catch(() => {});
    await process.exit;
    await release();
  };

  const transport: StdioTransport = {
    stderr: null,
    pid: null,
    ended,
    heardAt: () => heardAt,
    stderrText: () => tail.text(),
    async start() {
      writer.closed.catch(() => {});
      drained = drain().catch(() => {});
      heard = listen().catch(() => {});
      void heard.then(lost);
      void process.exit.then(release);
    },
    send,
    close() {
      closing ??= shut();
      return closing;
    },
  };
  return transport;
}

const isRequest = (message: JSONRPCMessage): message is JSONRPCMessage & { readonly id: string | number } =>
  'method' in message && 'id' in message;
