import type { Connection } from './connection.ts';
import { listPages, type ListOptions } from './list-pages.ts';

/** Definitions as they came, before anything was read of them. */
export interface RawTools {
  readonly tools: readonly unknown[];
  /** For how long the server says that they stay as they are, in milliseconds. */
  readonly ttlMs?: number;
}

/**
 * All pages of a server's tools, within the time of a start for all of them.
 *
 * @throws what {@link listPages} throws.
 */
export async function listTools(connection: Connection, options: ListOptions): Promise<RawTools> {
  if (connection.capabilities.tools === undefined) return { tools: [] };
  const { items, ...rest } = await listPages(connection, { method: 'tools/list', member: 'tools' }, options);
  return { tools: items, ...rest };
}
