import { createInterface } from 'node:readline';
import type { Receive } from './serve.ts';
import type { Line, Message } from './wire.ts';

/** Reads lines until there are no more, then ends, as long as nothing else keeps it alive. */
export function overStdio(receive: Receive): void {
  // Whoever has closed the pipe reads nothing any more.
  process.stdout.on('error', () => process.exit(0));
  const line: Line = {
    send: (message) => void process.stdout.write(`${JSON.stringify(message)}\n`),
    write: (bytes) => void process.stdout.write(bytes),
    end() {},
  };
  createInterface({ input: process.stdin }).on('line', (text) => receive(JSON.parse(text) as Message, line));
}
