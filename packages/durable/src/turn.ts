import { hashJson, type AnyDefinition, type Json, type TurnOptions } from '@prusik/core';
import { bounded } from './bounded.ts';

/** @throws {TypeError} for options that no turn has, and for what has no turns */
export function checkedTurn(
  { name, kind }: Pick<AnyDefinition, 'name' | 'kind'>,
  given: TurnOptions | undefined,
  maxBytes: number,
): TurnOptions | undefined {
  if (given === undefined) return undefined;
  // Whoever does not know of them would let them pass for kept.
  if (kind !== 'agent') throw new TypeError(`${name} is a ${kind}: only an agent has turns that can end otherwise`);
  const turn = bounded('options of a turn', given, maxBytes) as TurnOptions;
  const { output, mode } = turn;
  if (output !== undefined && (typeof output !== 'object' || output === null || Array.isArray(output)))
    throw new TypeError('The output of a turn is a JSON Schema, which is an object');
  if (output !== undefined && mode === 'conversation')
    throw new TypeError('A turn of a conversation ends with what the model says, and has no output of its own');
  return turn;
}

/** What makes a run the same run: its input, and how it is to end. */
export function inputHashOf(input: Json, turn: TurnOptions | undefined): string {
  return hashJson(turn === undefined ? input : [input, turn as unknown as Json]);
}
