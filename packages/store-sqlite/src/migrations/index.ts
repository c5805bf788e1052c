import { initial } from './0001-initial.ts';
import { sessionsBlobsRetention } from './0002-sessions-blobs-retention.ts';
import { conversations } from './0003-conversations.ts';
import { trees } from './0004-trees.ts';

/**
 * Numbered from 1, append-only: what has been released is never changed, and each only adds, so that the release before it
 * still works on the file. A fixture of every version is opened by a test.
 */
export const MIGRATIONS: readonly string[] = [initial, sessionsBlobsRetention, conversations, trees];

/** The schema that this code needs. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;
