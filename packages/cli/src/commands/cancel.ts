import { isFinal } from '@prusik/core';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { requireRun } from '../tree.ts';

export const cancel: Command = {
  summary: 'Ask a run to cancel, with its children; a worker confirms it',
  operands: ['RUN'],
  options: { reason: { type: 'string', value: 'TEXT', help: 'recorded, and told to the run and its children' } },
  async run({ tell, open, keyOf, operand, values }) {
    const { engine, store } = open();
    const key = keyOf(operand(0));
    const result = await engine.cancel(key, values.text('reason'));
    const { status } = await requireRun(store, key);
    const said = isFinal(status)
      ? `Run ${key.run} has ended before: ${status}`
      : `Run ${key.run} is asked to cancel; it is ${status} now`;
    tell.thing('cancel', { run: key.run, outcome: result.outcome, status }, [said]);
    return EXIT.ok;
  },
};
