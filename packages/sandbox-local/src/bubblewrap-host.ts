import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, lstat, mkdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HostLayout } from './bubblewrap-arguments.ts';
import { unavailable } from './unavailable.ts';

/** Never by PATH: what isolates must not be found in a folder that commands, or a project's scripts, can write. */
const PLACES = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/run/current-system/sw/bin/bwrap'];
const TOP_LEVEL = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
/** What dynamic linking, alternatives, time zones and TLS need of /etc. */
const SYSTEM_FILES = [
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/localtime',
  '/etc/ssl/certs',
];
/** What a program needs to find other hosts by name. /etc/hosts is the sandbox's own. */
const NAME_FILES = ['/etc/resolv.conf', '/etc/nsswitch.conf', '/etc/gai.conf'];
const ETC = {
  passwd:
    'root:x:0:0:root:/root:/usr/sbin/nologin\nsandbox:x:1000:1000:sandbox:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n',
  group: 'root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost sandbox\n::1 localhost\n',
} as const;

/** Path of bubblewrap. @throws {PrusikError} `SANDBOX_UNAVAILABLE` when there is none. */
export async function findBubblewrap(configured: string | undefined): Promise<string> {
  const places = configured === undefined ? PLACES : [configured];
  for (const place of places) if (await isExecutable(place)) return place;
  throw unavailable(
    `bubblewrap is not installed (looked for ${places.join(', ')})`,
    'Install it: apt-get install bubblewrap, dnf install bubblewrap, or pacman -S bubblewrap',
  );
}

/** Looks at this machine once; `folder` takes the few files of /etc that are made for the sandbox. */
export async function inspectHost(bubblewrap: string, folder: string): Promise<HostLayout> {
  const help = await helpOf(bubblewrap);
  if (!help.includes('--bind-fd'))
    throw unavailable(
      `${bubblewrap} has no --bind-fd, so a link planted in a workspace could be mounted (CVE-2024-42472)`,
      "Install your distribution's security update of bubblewrap, or version 0.10 or later",
    );
  if (!(await isExecutable('/usr/bin/prlimit')))
    throw unavailable(
      '/usr/bin/prlimit is missing, so processes and memory could not be limited',
      'Install util-linux',
    );

  const links: [string, string][] = [];
  const folders = ['/usr'];
  for (const path of TOP_LEVEL) {
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isSymbolicLink() === true) links.push([path, await readlink(path)]);
    else if (stats?.isDirectory() === true) folders.push(path);
  }
  return {
    links,
    folders,
    files: await thoseThere(SYSTEM_FILES),
    names: await thoseThere(NAME_FILES),
    etc: await writeEtc(folder),
    disableUserns: help.includes('--disable-userns'),
  };
}

async function helpOf(bubblewrap: string): Promise<string> {
  const options = { env: {}, maxBuffer: 1024 * 1024, timeout: 10_000 };
  try {
    return (await promisify(execFile)(bubblewrap, ['--help'], options)).stdout;
  } catch (error) {
    throw unavailable(`${bubblewrap} does not run`, 'Install bubblewrap anew', error);
  }
}

async function writeEtc(folder: string): Promise<HostLayout['etc']> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const written: [string, string][] = [];
  for (const [name, content] of Object.entries(ETC)) {
    await writeFile(join(folder, name), content, { mode: 0o644 });
    written.push([join(folder, name), `/etc/${name}`]);
  }
  return written;
}

async function thoseThere(paths: readonly string[]): Promise<readonly string[]> {
  const there: string[] = [];
  for (const path of paths) if (await exists(path)) there.push(path);
  return there;
}

const isExecutable = (path: string): Promise<boolean> => exists(path, constants.X_OK);

async function exists(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
