import { PrusikError } from '@prusik/core';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';

export const wake: Command = {
  summary: 'Have a waiting run look at once at what it waits for',
  operands: ['RUN'],
  options: {},
  notes: ['Timers stay as they are: a run whose time has not come waits on. A blocked run is decided with intervene.'],
  async run({ tell, open, keyOf, operand }) {
    const key = keyOf(operand(0));
    const result = await open().store.wake(key);
    if (result.outcome === 'unknown') throw new PrusikError('RUN_UNKNOWN', `There is no run ${key.run}`);
    const { outcome, run } = result;
    if (outcome === 'refused')
      throw new PrusikError('RUN_BLOCKED', `Run ${key.run} is blocked with ${run.blocked?.code}: a person decides it`);
    const said = outcome === 'woken' ? `Run ${key.run} is woken` : `Run ${key.run} does not wait: it is ${run.status}`;
    tell.thing('wake', { run: key.run, outcome, status: run.status }, [said]);
    return EXIT.ok;
  },
};
