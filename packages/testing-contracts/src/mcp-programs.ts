import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
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

const IN_SOURCES = import.meta.url.endsWith('.ts');
const SCRIPT = IN_SOURCES ? 'mcp-server/main.js' : 'mcp-server.js';

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
  if (IN_SOURCES) writeStripped(here('mcp-server'), join(folder, 'mcp-server'));
  else copyFileSync(here(SCRIPT), join(folder, SCRIPT));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return { folder, node, script: SCRIPT };
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** A server is started some hundred times, and each would strip the types again, which takes longer than everything else that it does. */
function writeStripped(from: string, to: string): void {
  mkdirSync(to);
  for (const file of readdirSync(from)) {
    const code = stripTypeScriptTypes(readFileSync(join(from, file), 'utf8'));
    writeFileSync(join(to, file.replace(/\.ts$/, '.js')), code.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"));
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  }
}
