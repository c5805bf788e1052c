import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { McpProgram } from '../src/index.ts';

interface Answer {
  readonly id?: unknown;
  readonly method?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: unknown;
}

/** A conversation by hand with a server, as bytes go over its pipes. */
export interface Conversation {
  request(method: string, params?: object): void;
  notify(method: string, params?: object): void;
  /** The next line of its output; `undefined` at its end. */
  line(): Promise<string | undefined>;
  message(): Promise<Answer>;
  /** Closes its input. */
  end(): void;
  kill(signal: NodeJS.Signals): void;
  readonly pid: number | undefined;
  readonly exit: Promise<readonly [code: number | null, signal: string | null]>;
  readonly stderr: Promise<string>;
}

export function converse({ command, args }: McpProgram): Conversation {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: {} });
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let id = 0;
  const send = (message: object): void => void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const line = async (): Promise<string | undefined> => {
    const { done, value } = await lines.next();
    return done === true ? undefined : value;
  };
  return {
    request: (method, params = {}) => send({ id: (id += 1), method, params }),
    notify: (method, params = {}) => send({ method, params }),
    line,
    message: async () => JSON.parse((await line()) ?? 'null') as Answer,
    end: () => void child.stdin.end(),
    kill: (signal) => void child.kill(signal),
    pid: child.pid,
    exit: once(child, 'exit') as Promise<[number | null, string | null]>,
    stderr: text(child.stderr),
  };
}
