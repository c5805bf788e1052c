import { checkId } from '../ids.ts';
import type { NewSignal, SignalKind } from '../signal.ts';
import { checkJson, checkOneOf } from './argument-values.ts';
import { copied } from './copied.ts';
import { checkRunKey } from './key-arguments.ts';

export const SIGNAL_KINDS: readonly SignalKind[] = ['user', 'cancel', 'child', 'decision', 'steer', 'wake'];

export function checkedSignal(signal: NewSignal): NewSignal {
  const copy = copied(signal);
  checkRunKey(copy.run);
  checkOneOf('kind of a signal', copy.kind, SIGNAL_KINDS);
  checkId('signal', copy.key);
  checkJson('body of a signal', copy.body);
  return copy;
}
