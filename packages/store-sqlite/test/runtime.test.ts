import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkRuntime } from '../src/runtime.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const packages = fileURLToPath(new URL('../../', import.meta.url));

/** A Node.js on this machine on which better-sqlite3 would crash, if there is one. */
function tooOldNode(): string | undefined {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  return candidates.find((file) => {
    if (!existsSync(file)) return false;
    const { stdout } = spawnSync(file, ['-p', 'process.versions.napi'], { encoding: 'utf8' });
    return Number(stdout) > 0 && Number(stdout) < 10;
  });
}

/** The sources as JavaScript that an old Node.js can read. */
function transpile(from: string, to: string): void {
  for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const target = join(to, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    const code = stripTypeScriptTypes(readFileSync(join(from, name), 'utf8'));
    writeFileSync(target, code.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"));
  }
}

describe('on a Node.js that is too old for better-sqlite3', () => {
  it('DEF-3: refuses with STORE_UNSUPPORTED_RUNTIME and says what is needed', () => {
    for (const nodeApi of ['9', '8', '', undefined])
      expect(() => checkRuntime(nodeApi ?? '0')).toThrow(
        expect.objectContaining({
          code: 'STORE_UNSUPPORTED_RUNTIME',
          message: expect.stringMatching(/needs Node-API 10 \(Node\.js 22\.14 or newer\)/),
        }),
      );
    expect(() => checkRuntime('10')).not.toThrow();
    expect(() => checkRuntime('11')).not.toThrow();
    expect(() => checkRuntime()).not.toThrow();
  });

  it('DEF-3: says so instead of crashing when a store is opened', () => {
    const node = tooOldNode();
    const directory = temporaryDirectory();
    try {
      // Where there is no such Node.js, this one stands in, and what is shown is that the copy opens a store at all.
      transpile(join(packages, 'core/src'), join(directory.path, 'node_modules/@prusik/core/src'));
      transpile(join(packages, 'store-sqlite/src'), join(directory.path, 'src'));
      const exports = { '.': './src/index.js', './package.json': './package.json' };
      const manifest = (name: string): string => JSON.stringify({ name, version: '0.0.0', type: 'module', exports });
      writeFileSync(join(directory.path, 'node_modules/@prusik/core/package.json'), manifest('@prusik/core'));
      writeFileSync(join(directory.path, 'package.json'), manifest('@prusik/store-sqlite'));
      symlinkSync(
        join(packages, 'store-sqlite/node_modules/better-sqlite3'),
        join(directory.path, 'node_modules/better-sqlite3'),
        'junction',
      );
      const script = `
        import { sqliteStore } from './src/index.js';
        try {
          await sqliteStore({ path: 'store.db' })[Symbol.asyncDispose]();
          console.log('opened');
        } catch (error) {
          console.log(error.code);
        }`;
      writeFileSync(join(directory.path, 'open.js'), script);

      const said = execFileSync(node ?? process.execPath, ['open.js'], { cwd: directory.path, encoding: 'utf8' });

      expect(said.trim()).toBe(node === undefined ? 'opened' : 'STORE_UNSUPPORTED_RUNTIME');
      expect(existsSync(join(directory.path, 'store.db'))).toBe(node === undefined);
    } finally {
      directory.remove();
    }
  });
});
