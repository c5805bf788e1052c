import { isFinal, type LiveEvent, type RunEvent } from '@prusik/core';
import type { Call, Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { timeText } from '../tell.ts';
import { requireRun } from '../tree.ts';
import { numberOf } from '../values.ts';
import { entryShown, type Shown } from '../without-content.ts';

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
    // Nothing is there after it yet.
    if (!follow && !isFinal(run.status) && after === run.seq) return EXIT.ok;
    const reading = engine.events(key, {
      tree: values.has('tree'),
      signal: io.signal,
      ...(after === undefined ? {} : { after }),
    });
    for await (const event of reading) {
      tellEvent(call, event);
      await call.tell.drained(io.signal);
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
  const shown = values.has('content') ? entry : entryShown(entry);
  const { type: kind, seq, at } = entry;
  const { type: _, seq: __, at: ___, ...facts }: Shown = { ...shown };
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
