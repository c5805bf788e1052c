import { writeSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { runApp } from './app.ts';
import type { Order, Told } from './order.ts';

const order = JSON.parse(await text(process.stdin)) as Order;

function tell(sink: string, value: unknown): void {
  const told: Told = { sink, text: typeof value === 'string' ? value : JSON.stringify(value) };
  const line = Buffer.from(`${JSON.stringify(told)}\n`);
  for (let written = 0; written < line.length;) written += writeSync(3, line, written);
}

process.on('warning', (warning) => tell('warning', inspect(warning, { depth: 10, showHidden: true })));
await runApp(order, tell);
