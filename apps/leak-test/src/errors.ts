import { inspect } from 'node:util';
import type { Tell } from './order.ts';

/** What whoever prints an error that he holds sees of it. */
export function tellError(tell: Tell, error: unknown): void {
  tell('errors', inspect(error, { depth: 10, showHidden: true }));
  tell('errors', JSON.stringify(error) ?? '');
}

/** A result, as its caller has it. */
export function tellResult(tell: Tell, result: unknown): void {
  tell('results', result);
  tellError(tell, result);
}
