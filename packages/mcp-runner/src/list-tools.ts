import type { Connection } from './connection.ts';
import { listPages, type ListOptions, type RawList } from './list-pages.ts';

/**
 * All pages of a server's tools, within the time of a start for all of them.
 *
 * @throws what {@link listPages} throws.
 */
export async function listTools(connection: Connection, options: ListOptions): Promise<RawList> {
  if (connection.capabilities.tools === undefined) return { items: [] };
  return listPages(connection, { method: 'tools/list', member: 'tools' }, options);
}
