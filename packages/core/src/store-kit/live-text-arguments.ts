import type { StepKind } from '../entry.ts';
import { checkId } from '../ids.ts';
import type { LiveBlockKind } from '../live-event.ts';
import type { LiveTextMark, LiveTextWrite } from '../live-text.ts';
import { checkCount, checkOneOf, checkRecords } from './argument-values.ts';
import { copied } from './copied.ts';
import { checkRunKey } from './key-arguments.ts';

const STEP_KINDS: readonly StepKind[] = ['step', 'model', 'tool'];
const BLOCK_KINDS: readonly LiveBlockKind[] = ['text', 'reasoning', 'tool-input'];

export function checkedLiveText(writes: readonly LiveTextWrite[]): readonly LiveTextWrite[] {
  const copy = copied(writes);
  checkRecords('writes', copy);
  for (const { run, epoch, texts, ended } of copy) {
    checkRunKey(run);
    checkCount('epoch', epoch);
    for (const step of ended) checkId('step key', step);
    for (const { step, kind, name, attempt, block, offset, text, head } of texts) {
      checkId('step key', step);
      checkOneOf('kind of a step', kind, STEP_KINDS);
      if (name !== undefined && typeof name !== 'string') throw new TypeError(`The name of step ${step} is no string`);
      checkCount('attempt', attempt);
      checkId('block', block.id);
      checkOneOf('kind of a block', block.kind, BLOCK_KINDS);
      if (block.tool !== undefined && typeof block.tool !== 'string')
        throw new TypeError(`The tool of block ${block.id} is no string`);
      checkCount('offset', offset);
      checkCount('head', head);
      if (typeof text !== 'string' || !text.isWellFormed())
        throw new TypeError(`The text of step ${step} is no string, or holds an unpaired surrogate`);
      if (head < offset + text.length) throw new TypeError(`The text of step ${step} goes past its head`);
    }
  }
  return copy;
}

export function checkedMarks(have: readonly LiveTextMark[]): readonly LiveTextMark[] {
  const copy = copied(have);
  checkRecords('marks', copy);
  for (const { step, block, epoch, attempt, offset } of copy) {
    checkId('step key', step);
    checkId('block', block);
    checkCount('epoch', epoch);
    checkCount('attempt', attempt);
    checkCount('offset', offset);
  }
  return copy;
}
