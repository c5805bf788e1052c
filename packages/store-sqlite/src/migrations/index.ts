import { initial } from './0001-initial.ts';
import { sessionsBlobsRetention } from './0002-sessions-blobs-retention.ts';
import { conversations } from './0003-conversations.ts';
import { trees } from './0004-trees.ts';
import { messageIds } from './0005-message-ids.ts';
import { imports } from './0006-imports.ts';
import { compaction } from './0007-compaction.ts';
import { lists } from './0008-lists.ts';
import { appended } from './0009-appended.ts';

/**
 * Numbered from 1, append-only: what has been released is never changed, and each keeps what the release before it writes, so that a process of
 * that one which has the file open goes on. (After 5 it no longer finds messages by their ids; after 8 its lists sort; after 9 it writes and reads nothing more.) A fixture of every version is opened by a test.
 */
export const MIGRATIONS: readonly string[] = [
  initial,
  sessionsBlobsRetention,
  conversations,
  trees,
  messageIds,
  imports,
  compaction,
  lists,
  appended,
];

/** The schema that this code needs. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;
