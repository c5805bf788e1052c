import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, realpathSync } from 'node:fs';
import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Sandbox, SandboxMount } from '@prusik/core';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { installNpmServer, installServer } from '../src/install.ts';

vi.setConfig({ testTimeout: 60_000 });

let root: string;
let sandbox: Sandbox;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'prusik-install-'));
  await chmod(root, 0o755);
  sandbox = createLocalSandbox({ root });
});
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

/** Node.js and npm, where they are not below `/usr`, which commands see. */
function tools(): { readonly mounts: readonly SandboxMount[]; readonly env: Readonly<Record<string, string>> } {
  const usual = ['/usr/bin', '/usr/local/bin'];
  if (usual.some((folder) => ['node', 'npm'].every((name) => existsSync(join(folder, name)))))
    return { mounts: [], env: {} };
  const npm = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'npm'))
    .find((path) => existsSync(path));
  if (npm === undefined) throw new Error('There is no npm in PATH');
  return {
    mounts: [
      { source: dirname(process.execPath), target: '/opt/node' },
      { source: dirname(dirname(realpathSync(npm))), target: '/opt/npm' },
    ],
    env: { PATH: '/opt/node:/opt/npm/bin:/usr/bin:/bin' },
  };
}

describe('a package of npm', () => {
  let registry: Registry;
  beforeEach(async () => {
    registry = await openRegistry({
      'package/package.json': JSON.stringify({
        name: '@tools/greeter',
        version: '1.2.3',
        bin: { greeter: './main.js', other: 'other.js' },
        scripts: { postinstall: "node -e \"require('fs').writeFileSync('/workspace/ran', '')\"" },
      }),
      'package/main.js': 'console.log("hello")',
    });
  });
  afterEach(() => registry.close());

  const install = (options: object = {}) => {
    const { mounts, env } = tools();
    return installNpmServer({
      sandbox,
      package: '@tools/greeter@1.2.3',
      mounts,
      env: { ...env, npm_config_registry: registry.url },
      ...options,
    });
  };

  it('MCP-7: is installed with the network, without its scripts, and runs without it', async () => {
    const { snapshot, command, args } = await install();

    expect({ command, args }).toEqual({ command: 'node', args: ['node_modules/@tools/greeter/main.js'] });
    await sandbox.workspaces.create({ id: 'server', from: { snapshot } });
    const session = await sandbox.open({ workspace: 'server', require: { network: 'enforced' }, ...tools() });
    expect((await session.run({ command: `${command} ${args[0]}` })).stdout).toBe('hello\n');
    expect(await session.stat({ path: 'ran' })).toBeNull();
  });

  it('MCP-7: leaves nothing behind but its snapshot, and the same one when it is done again', async () => {
    const { snapshot } = await install();
    expect((await install()).snapshot).toBe(snapshot);
    expect(await sandbox.workspaces.list()).toEqual([]);
  });

  it('MCP-7: has no network when it is to have none', async () => {
    await expect(
      install({
        network: 'none',
        timeoutMs: 20_000,
        env: { ...tools().env, npm_config_registry: registry.url, npm_config_fetch_retries: '0' },
      }),
    ).rejects.toMatchObject({
      code: 'MCP_INSTALL_FAILED',
    });
    expect(registry.asked).toBe(0);
    expect(await sandbox.workspaces.list()).toEqual([]);
  });

  it.each([
    '@tools/greeter',
    '@tools/greeter@latest',
    '@tools/greeter@^1.2.3',
    'greeter@1.2.3; rm -rf /',
    '-g@1.2.3 x',
  ])('MCP-7: %j is refused: it says no exact version of a package', async (wanted) => {
    await expect(install({ package: wanted })).rejects.toThrow(TypeError);
    expect(registry.asked).toBe(0);
  });
});

describe('any other installation', () => {
  it('MCP-7: keeps what the command leaves in its workspace', async () => {
    const { snapshot } = await installServer({
      sandbox,
      command: 'mkdir bin && echo "#!/bin/sh" > bin/server',
      network: 'none',
    });

    await sandbox.workspaces.create({ id: 'server', from: { snapshot } });
    const session = await sandbox.open({ workspace: 'server' });
    expect(await session.readTextFile({ path: 'bin/server' })).toBe('#!/bin/sh\n');
  });

  it('MCP-7, I11: one that fails says how, without what looks like a secret, and leaves nothing', async () => {
    const installing = installServer({ sandbox, command: 'echo "token=abcdefghijkl" >&2; exit 3', network: 'none' });

    await expect(installing).rejects.toMatchObject({
      code: 'MCP_INSTALL_FAILED',
      message: expect.stringMatching(/exit code 3.*token=\[redacted\]/s),
    });
    expect(await sandbox.workspaces.list()).toEqual([]);
  });

  it('MCP-7, I9: one that hangs ends in time, or when it is told to', async () => {
    await expect(
      installServer({ sandbox, command: 'sleep 600', network: 'none', timeoutMs: 300 }),
    ).rejects.toMatchObject({ code: 'MCP_INSTALL_FAILED', message: expect.stringContaining('timeoutMs') });

    const stop = new AbortController();
    const reason = new Error('enough');
    const installing = installServer({ sandbox, command: 'sleep 600', network: 'none', signal: stop.signal });
    stop.abort(reason);
    await expect(installing).rejects.toBe(reason);
    expect(await sandbox.workspaces.list()).toEqual([]);
  });
});

interface Registry {
  readonly url: string;
  readonly asked: number;
  close(): Promise<void>;
}

/** A registry on loopback that has one package. */
async function openRegistry(files: Readonly<Record<string, string>>): Promise<Registry> {
  const tarball = gzipSync(tar(files));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  let asked = 0;
  const server: Server = createServer((request, response) => {
    asked += 1;
    if (request.url?.endsWith('.tgz') === true) return response.end(tarball);
    const { name, version, bin } = JSON.parse(files['package/package.json'] ?? '') as Record<string, string>;
    const dist = { tarball: `${url}/greeter.tgz`, integrity };
    return response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        name,
        'dist-tags': { latest: version },
        versions: { [version ?? '']: { name, version, bin, dist } },
      }),
    );
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    get asked() {
      return asked;
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

/** The ustar format of POSIX.1-1988: headers of 512 bytes, contents filled up to 512. */
function tar(files: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(files).flatMap(([name, content]) => {
    const header = Buffer.alloc(512);
    const octal = (value: number, length: number): string => `${value.toString(8).padStart(length - 1, '0')}\0`;
    header.write(name, 0);
    header.write(
      octal(0o644, 8) + octal(0, 8) + octal(0, 8) + octal(Buffer.byteLength(content), 12) + octal(0, 12),
      100,
    );
    header.write('        0', 148);
    header.write('ustar\u000000', 257);
    header.write(
      octal(
        [...header].reduce((sum, byte) => sum + byte, 0),
        8,
      ),
      148,
    );
    const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / 512) * 512);
    body.write(content);
    return [header, body];
  });
  return Buffer.concat([...entries, Buffer.alloc(1024)]);
}
