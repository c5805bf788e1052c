import { CALL_BEHAVIOURS, type CallKind } from './call-behaviours.ts';
import { FLOOD_BEHAVIOURS, type FloodKind } from './flood-behaviours.ts';
import { HTTP_BEHAVIOURS, type HttpKind } from './http-behaviours.ts';
import { LIST_BEHAVIOURS, type ListKind } from './list-behaviours.ts';
import { PROCESS_BEHAVIOURS, type ProcessKind } from './process-behaviours.ts';
import { START_BEHAVIOURS, type StartKind } from './start-behaviours.ts';
import { WELL } from './well.ts';
import type { Behaviour } from './wire.ts';

/** How a server misbehaves; `well` is the control. */
export type McpServerKind = 'well' | StartKind | CallKind | FloodKind | ProcessKind | ListKind | HttpKind;

const BEHAVIOURS: Readonly<Record<McpServerKind, Partial<Behaviour>>> = {
  well: {},
  ...START_BEHAVIOURS,
  ...CALL_BEHAVIOURS,
  ...FLOOD_BEHAVIOURS,
  ...PROCESS_BEHAVIOURS,
  ...LIST_BEHAVIOURS,
  ...HTTP_BEHAVIOURS,
};

/** @throws {TypeError} for a kind that there is not. */
export function behaviourOf(kind: string): Behaviour {
  const behaviour = Object.entries(BEHAVIOURS).find(([name]) => name === kind)?.[1];
  if (behaviour === undefined) throw new TypeError(`There is no server of the kind ${JSON.stringify(kind)}`);
  return { ...WELL, ...behaviour };
}
