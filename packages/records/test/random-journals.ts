import type { Entry, EntryBody } from '@prusik/core';
import { seededRandom, type SeededRandom } from '@prusik/testing-contracts';
import type { FlowRequestSource, Journal } from '../src/index.ts';

/** Texts that others have chosen to break out of a label, or that break one by themselves. */
export const HOSTILE: readonly [string, ...string[]] = [
  'end',
  'graph',
  'subgraph x',
  '"]:::bad',
  'a"b',
  '`md`',
  '**bold** _it_',
  '<b>bold</b><script>alert(1)</script>',
  '#35;#quot;',
  'a --> b',
  'a;b',
  '%% comment',
  '%%{init: {"flowchart": {}}}%%',
  'click a "javascript:alert(1)"',
  'r1->>r2: hi',
  'note over r1: hi',
  'line\nbreak\r\nand\ttab',
  '1. first',
  '- item',
  'ﬂ°°quot¶ß',
  '\u202Eright to left\u202C',
  'nul\u0000 and \u001b[31mred',
  'emoji 🧗‍♀️ Größe 東京',
  '\ud800 half',
  '[[x]] ((y)) {{z}} |w|',
  '\\"',
  'wrap:x',
  '$$x^2$$',
  'accTitle: x',
  '',
  ' ',
  'x'.repeat(300),
];

interface Writer {
  at: number;
  readonly entries: Entry[];
}

/** A tree of runs as journals, the same for the same seed, with entries of every kind and names that are hostile. */
export function randomJournals(
  seed: number,
  { runs: most = 6, steps = 12 }: { readonly runs?: number; readonly steps?: number } = {},
): { readonly journals: readonly Journal[]; readonly requests: readonly FlowRequestSource[] } {
  const random = seededRandom(seed);
  const name = (): string => random.pick(HOSTILE);
  const requests: FlowRequestSource[] = [];
  const journals: Journal[] = [];
  const waiting: string[] = ['root'];
  let made = 1;
  while (waiting.length > 0) {
    const id = waiting.shift() ?? '';
    const writer: Writer = { at: 1_000 + random.int(0, 500), entries: [] };
    write(writer, { type: 'run-start', definition: name(), version: '1' });
    write(writer, { type: 'run-claim', worker: 'w', epoch: 1, attempt: random.int(1, 2), definitionHash: '' });
    const count = random.int(0, steps);
    for (let n = 0; n < count; n += 1) {
      const child = random.int(0, 5) === 0 && made < most ? `run-${(made += 1)}` : undefined;
      if (child !== undefined) waiting.push(child);
      someEntries(writer, random, { key: `${name().slice(0, 60)} ${n}`, run: id, name, requests, child });
    }
    if (random.int(0, 3) > 0) {
      const status = random.pick(['completed', 'failed', 'cancelled'] as const);
      write(writer, {
        type: 'run-end',
        status,
        ...(status === 'failed' ? { error: { code: name(), message: 'content' } } : {}),
      });
    }
    journals.push({ id, entries: writer.entries });
  }
  return { journals, requests };
}

function write(writer: Writer, body: EntryBody): void {
  writer.entries.push({ ...body, seq: writer.entries.length + 1, at: writer.at });
}

interface Around {
  readonly key: string;
  readonly run: string;
  readonly name: () => string;
  readonly requests: FlowRequestSource[];
  readonly child: string | undefined;
}

function someEntries(writer: Writer, random: SeededRandom, { key, run, name, requests, child }: Around): void {
  const keyed = { key, fingerprint: '' };
  const kind = random.pick(['step', 'model', 'tool'] as const);
  const pass = (): void => void (writer.at += random.int(0, 50));
  if (child !== undefined) {
    write(writer, { type: 'wait-start', ...keyed, kind: 'child', child });
    pass();
    if (random.int(0, 2) > 0)
      write(writer, { type: 'wait-end', ...keyed, kind: 'child', outcome: { ok: true, value: 'content' } });
    return;
  }
  switch (random.int(0, 6)) {
    case 0: {
      const request = `q${requests.length}`;
      requests.push({
        id: request,
        run: { run },
        kind: 'approval',
        status: 'approved',
        decision: { by: name(), at: writer.at },
      });
      write(writer, { type: 'wait-start', ...keyed, kind: 'request', request });
      write(writer, { type: 'run-park', waits: [key], wakeAt: null });
      pass();
      write(writer, { type: 'wait-end', ...keyed, kind: 'request', outcome: { ok: true, value: 'content' } });
      return;
    }
    case 1:
      write(writer, { type: 'step-intent', ...keyed, kind, name: name(), effect: 'once', attempt: 1 });
      pass();
      if (random.int(0, 1) === 0) {
        write(writer, { type: 'run-block', code: 'STEP_IN_DOUBT', message: 'content', key, request: 'q' });
        write(writer, { type: 'run-unblock', request: 'q', choice: 'happened', key });
      }
      return;
    case 2:
      write(writer, {
        type: 'step-pause',
        ...keyed,
        kind,
        name: name(),
        attempt: 1,
        until: writer.at + 9,
        error: { code: name(), message: 'content' },
        failures: 1,
        capacityMs: 0,
      });
      pass();
      return;
    case 3:
      write(writer, { type: 'note', name: name(), data: 'content' });
      return;
    case 4:
      write(writer, {
        type: 'wait-start',
        ...keyed,
        kind: random.pick(['timer', 'signal'] as const),
        until: writer.at + 5,
      });
      return;
    default: {
      pass();
      const durationMs = random.int(0, 120);
      const failed = random.int(0, 3) === 0;
      write(writer, {
        type: 'step-end',
        ...keyed,
        kind,
        name: name(),
        attempt: random.int(1, 3),
        outcome: failed ? { ok: false, error: { code: name(), message: 'content' } } : { ok: true, value: 'content' },
        durationMs,
        ...(kind === 'tool' && failed ? { denied: [{ callId: 'c', tool: name(), by: 'person' as const }] } : {}),
      });
    }
  }
}
