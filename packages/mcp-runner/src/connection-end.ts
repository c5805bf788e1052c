import { isPrusikError, PrusikError, within, type Clock } from '@prusik/core';
import type { Connection } from './connection.ts';

/** How long the connection may take to say why it has ended. */
const ENDED_MS = 1_000;

/** Why the connection is over, if a request failed of that: it knows more of its end than the client does. */
export async function endOf(connection: Connection, thrown: unknown, clock: Clock): Promise<PrusikError | undefined> {
  if ((thrown as { readonly code?: unknown } | null)?.code !== 'CONNECTION_CLOSED') return undefined;
  return within(clock, ENDED_MS, () => connection.ended).catch(() => undefined);
}

/** The same of a request that was sent, and may be made again by whoever wants to. */
export async function endOfSent(
  connection: Connection,
  cause: unknown,
  clock: Clock,
): Promise<PrusikError | undefined> {
  const ended = await endOf(connection, cause, clock);
  if (!isPrusikError(ended, 'MCP_UNAVAILABLE')) return ended;
  return new PrusikError(ended.code, ended.message, { retryable: true, meta: { ...ended.meta, sent: true }, cause });
}
