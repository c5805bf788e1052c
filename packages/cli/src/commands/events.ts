import { isFinal, type Entry, type LiveEvent, type RunEvent } from '@prusik/core';
import type { Call, Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { timeText } from '../tell.ts';
import { requireRun } from '../tree.ts';
import { numberOf } from '../values.ts';
import { without } from '../without.ts';

/** Fields of entries that hold content, or hashes of it that can be guessed. */
const CONTENT = [
  'outcome',
  'error',
  'data',
  'output',
  'reason',
  'message',
  'measurements',
  'fingerprint',
  'definitionHash',
  'partial',
];

export const events: Command = {
  summary: 'Print the entries of a run, and with --follow what comes',
  operands: ['RUN'],
  options: {
    follow: { type: 'boolean', help: 'go on until the run has ended' },
    tree: { type: 'boolean', help: 'also of its children' },
    after: { type: 'string', value: 'SEQ', help: 'only entries after this number' },
    live: { type: 'boolean', help: 'with --follow: also what steps say while they run, which is content' },
    content: { type: 'boolean', help: 'entries whole, with outcomes and messages of errors' },
  },
  notes: ['Entries of other processes come within a quarter of a second of their commit.'],
  async run(call) {
    const { io, open, keyOf, operand, values } = call;
    const { engine, store } = open();
    const key = keyOf(operand(0));
    const run = await requireRun(store, key);
    const follow = values.has('follow');
    const after = numberOf(values, 'after');
    const reading = engine.events(key, {
      tree: values.has('tree'),
      signal: io.signal,
      ...(after === undefined ? {} : { after }),
    });
    for await (const event of reading) {
      tellEvent(call, event);
      // What is there now was asked for; a run that has ended ends by itself.
      if (!follow && !isFinal(run.status) && isLast(event, key.run, run.seq)) break;
    }
    return EXIT.ok;
  },
};

const isLast = (event: RunEvent, run: string, seq: number): boolean =>
  !event.live && event.run.run === run && event.entry.seq >= seq;

function tellEvent({ tell, values }: Call, event: RunEvent): void {
  const { run } = event.run;
  if (event.live) {
    if (!values.has('live')) return;
    tell.thing('live', { run, event: event.event }, [`${run}  ${liveText(event.event)}`]);
    return;
  }
  const { entry } = event;
  const shown = values.has('content') ? entry : withoutContent(entry);
  const { type: kind, seq, at, ...facts } = shown;
  const rest = Object.keys(facts).length === 0 ? '' : `  ${JSON.stringify(facts)}`;
  tell.thing('entry', { run, entry: shown }, [`${timeText(at)}  ${run}  ${seq}  ${kind}${rest}`]);
}

function liveText(event: LiveEvent): string {
  switch (event.type) {
    case 'step-start':
      return `${event.key} begins`;
    case 'step-reset':
      return `${event.key} begins again`;
    case 'step-delta':
      return `${event.key}: ${event.text}`;
    case 'gap':
      return `${event.dropped} live events were dropped`;
    default:
      return event satisfies never;
  }
}

/** What an entry says beside content: names, numbers and codes. */
function withoutContent(entry: Entry): Readonly<Record<string, unknown>> & Pick<Entry, 'type' | 'seq' | 'at'> {
  const { type, seq, at } = entry;
  const facts = without(entry, ...CONTENT, 'type', 'seq', 'at');
  const outcome = 'outcome' in entry ? entry.outcome : undefined;
  const error = outcome?.ok === false ? outcome.error : 'error' in entry ? entry.error : undefined;
  return {
    type,
    seq,
    at,
    ...facts,
    ...(outcome === undefined ? {} : { ok: outcome.ok }),
    ...(error === undefined ? {} : { error: error.code }),
  };
}
