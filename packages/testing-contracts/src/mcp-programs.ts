import { chmodSync, constants, copyFileSync, cpSync, linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a server is started from, for everybody to read: whoever a sandbox runs as may pass neither to this package nor to Node.js. */
export interface McpPrograms {
  readonly folder: string;
  /** In the folder. */
  readonly node: string;
  readonly script: string;
}

/** As TypeScript in the sources, as JavaScript once it was built. */
const SCRIPT = import.meta.url.endsWith('.ts') ? 'mcp-server/main.ts' : 'mcp-server.js';

let made: McpPrograms | undefined;

/** Made once, and removed with this process: Node.js may have to be copied. */
export function mcpPrograms(): McpPrograms {
  made ??= makePrograms();
  return made;
}

function makePrograms(): McpPrograms {
  const folder = mkdtempSync(join(tmpdir(), 'prusik-servers-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const node = basename(process.execPath);
  linkOrCopy(process.execPath, join(folder, node));
  const [scripts = SCRIPT] = SCRIPT.split('/');
  cpSync(fileURLToPath(new URL(scripts, import.meta.url)), join(folder, scripts), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return { folder, node, script: SCRIPT };
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  }
}
