import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SandboxMount } from '@prusik/core';

/** A server from npm. */
export type RealServer = 'everything' | 'filesystem' | 'memory';

/** Servers from npm, with everything that they need, where whoever a sandbox runs as can read them. */
export interface RealServers extends Disposable {
  readonly mounts: readonly SandboxMount[];
  /** Node.js inside. */
  readonly node: string;
  /** The server's program inside. */
  program(name: RealServer): string;
}

const INSIDE = '/servers';
/** What each is found by. */
const MANIFESTS: Readonly<Record<RealServer, string>> = {
  everything: import.meta.resolve('@modelcontextprotocol/server-everything/package.json'),
  filesystem: import.meta.resolve('@modelcontextprotocol/server-filesystem/package.json'),
  memory: import.meta.resolve('@modelcontextprotocol/server-memory/package.json'),
};

/** Each package has a folder of its own in the package manager's, with links to those that it needs; these are taken along as they are. */
export function realServers(): RealServers {
  const folder = mkdtempSync(join(tmpdir(), 'prusik-real-'));
  chmodSync(folder, 0o755);
  const homes = new Set<string>();
  const visit = (home: string): void => {
    if (homes.has(home)) return;
    homes.add(home);
    for (const linked of packagesIn(join(home, 'node_modules'))) visit(homeOf(realpathSync(linked)));
  };
  for (const manifest of Object.values(MANIFESTS)) visit(homeOf(rootOf(manifest)));
  // Two of them use it and do not say so; they find it where everything is that something needs.
  const hoisted = join(dirname(homeOf(rootOf(MANIFESTS.memory))), 'node_modules');
  visit(homeOf(realpathSync(join(hoisted, 'zod'))));
  copy([...homes, hoisted], folder);
  const node = basename(process.execPath);
  try {
    linkSync(process.execPath, join(folder, node));
  } catch {
    copyFileSync(process.execPath, join(folder, node));
  }
  return {
    mounts: [{ source: folder, target: INSIDE }],
    node: `${INSIDE}/${node}`,
    program(name) {
      const root = rootOf(MANIFESTS[name]);
      const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> };
      return join(INSIDE, relative(dirname(homeOf(root)), root), Object.values(bin)[0] ?? '');
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const rootOf = (manifest: string): string => dirname(realpathSync(fileURLToPath(manifest)));

/** `…/.pnpm/<home>/node_modules/<name>`, of a package whose name may have a scope. */
const homeOf = (root: string): string => root.slice(0, root.lastIndexOf('/node_modules/'));

function packagesIn(modules: string): readonly string[] {
  return readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@')
        ? readdirSync(join(modules, name)).map((one) => join(modules, name, one))
        : [join(modules, name)],
    );
}

function copy(homes: readonly string[], folder: string): void {
  try {
    execFileSync('cp', ['-al', ...homes, folder], { stdio: 'pipe' });
  } catch {
    // On another disk.
    execFileSync('cp', ['-a', ...homes, folder]);
  }
}
