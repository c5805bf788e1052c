import { pathToFileURL } from 'node:url';
import type { JsonObject } from '@prusik/core';

/** What `roots/list` is answered: the workspace, as the server sees it, and nothing else of this machine. */
export const rootsResult = (directory: string | undefined): JsonObject => ({
  roots: directory === undefined ? [] : [{ uri: pathToFileURL(directory).href, name: 'workspace' }],
});
