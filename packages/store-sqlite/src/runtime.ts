import { PrusikError } from '@prusik/core';

const NODE_API_NEEDED = 10;

/**
 * Refuses a Node.js whose Node-API is too old for better-sqlite3's binary: it would load, and end the process with a
 * segmentation fault when the first database is opened.
 */
export function checkRuntime(nodeApi: string | undefined = process.versions['napi']): void {
  if (Number(nodeApi ?? 0) >= NODE_API_NEEDED) return;
  throw new PrusikError(
    'STORE_UNSUPPORTED_RUNTIME',
    `store-sqlite needs Node-API ${NODE_API_NEEDED} (Node.js 22.14 or newer); this is Node.js ${process.versions.node} with Node-API ${nodeApi ?? 'none'}`,
    { meta: { node: process.versions.node, nodeApi: nodeApi ?? null } },
  );
}
