import { checkRecords, checkText } from './store-kit/argument-values.ts';

/** Why an output is not all that was asked for. `code` is stable, `message` is for people. */
export interface PartialReason {
  readonly code: string;
  readonly message: string;
}

/**
 * The reason alone, whatever else the value holds.
 *
 * @throws {TypeError} for what is none.
 */
export function partialReason(value: PartialReason): PartialReason {
  checkRecords('reasons of a partial output', [value]);
  const { code, message } = value;
  checkText('code of a partial output', code);
  if (typeof message !== 'string') throw new TypeError('The message of a partial output must be a string');
  return { code, message };
}
