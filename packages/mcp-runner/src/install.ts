import { randomUUID } from 'node:crypto';
import {
  cutText,
  isPrusikError,
  PrusikError,
  withCleanup,
  withoutSecrets,
  type OpenSandboxOptions,
  type Sandbox,
  type SandboxSession,
} from '@prusik/core';
import { messageOf } from './errors.ts';

/** How a server is installed. */
export interface InstallOptions extends Pick<OpenSandboxOptions, 'mounts' | 'env' | 'limits' | 'signal'> {
  /** Where it is installed, and from where the server is started later: the snapshot is kept there. */
  readonly sandbox: Sandbox;
  /** For `/bin/sh`, in an empty workspace: whatever it leaves there is what is installed. */
  readonly command: string;
  /** What the installation may use; the server that is started from it has no network unless its own options say so. @default 'host' */
  readonly network?: 'none' | 'host';
  /** @default 300_000 */
  readonly timeoutMs?: number;
}

/** What an installation has left. */
export interface Installation {
  /** `from: { snapshot }` of a server begins with it. Equal files have the same. */
  readonly snapshot: string;
}

/** How a server is installed that is a package of the npm registry. */
export interface NpmInstallOptions extends Omit<InstallOptions, 'command'> {
  /** With its exact version, such as `@modelcontextprotocol/server-memory@2026.8.31`: what was looked at is what is installed. */
  readonly package: string;
}

/** A server of the npm registry, ready to be started. */
export interface NpmInstallation extends Installation {
  readonly command: 'node';
  /** The program of the package. */
  readonly args: readonly [entry: string];
}

const TIMEOUT_MS = 300_000;
const TOLD_CHARACTERS = 2_000;
const EXACT = /^((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)@(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$/;

/**
 * Installs a server as a step of its own: before anybody calls it, in the sandbox, with a network of its own right. The server then runs from what was
 * installed, without it. Nothing is kept of an installation that fails.
 *
 * @throws {PrusikError} `MCP_INSTALL_FAILED` when the command fails or takes too long, with the end of what it said; also where the sandbox refuses.
 * @throws the reason of `signal`, unwrapped.
 */
export function installServer(options: InstallOptions): Promise<Installation> {
  return inWorkspace(options, async (session, keep) => {
    await install(session, options);
    return { snapshot: await keep() };
  });
}

/**
 * {@link installServer} for a package of npm, without its scripts of installation. `node` and `npm` have to be there inside: below `/usr`, or mounted and
 * in `env.PATH`.
 *
 * @throws {TypeError} for a package without an exact version.
 * @throws {PrusikError} `MCP_INSTALL_FAILED` as {@link installServer}; also for a package that has no program, or several of which none has its name.
 */
export async function installNpmServer({ package: wanted, ...options }: NpmInstallOptions): Promise<NpmInstallation> {
  const [, name, version] = EXACT.exec(wanted) ?? [];
  if (name === undefined || version === undefined)
    throw new TypeError(
      `The package ${JSON.stringify(wanted)} must be named with its exact version, such as @scope/name@1.2.3`,
    );
  const command = `npm install --ignore-scripts --no-audit --no-fund --no-update-notifier --omit=dev --save-exact -- ${name}@${version}`;
  return inWorkspace({ ...options, command }, async (session, keep) => {
    await install(session, { ...options, command });
    const entry = await programOf(session, name);
    return { snapshot: await keep(), command: 'node', args: [entry] };
  });
}

async function inWorkspace<T>(
  { sandbox, mounts, env, limits, signal, network = 'host' }: InstallOptions,
  work: (session: SandboxSession, keep: () => Promise<string>) => Promise<T>,
): Promise<T> {
  const workspace = `mcp-install:${randomUUID()}`;
  const abort = signal === undefined ? {} : { signal };
  const inSession = async (): Promise<T> => {
    await sandbox.workspaces.create({ id: workspace, ...abort });
    const session = await sandbox.open({
      workspace,
      network,
      ...(mounts === undefined ? {} : { mounts }),
      // npm keeps its cache below HOME, which is gone with the command.
      ...(env === undefined ? {} : { env }),
      ...(limits === undefined ? {} : { limits }),
      ...abort,
    });
    const keep = async (): Promise<string> => (await sandbox.workspaces.snapshot(workspace, abort)).snapshot;
    const dispose = async (): Promise<void> => session[Symbol.asyncDispose]();
    return withCleanup('session of an installation', () => work(session, keep), dispose);
  };
  try {
    return await withCleanup('workspace of an installation', inSession, async () =>
      sandbox.workspaces.remove(workspace),
    );
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof TypeError || isPrusikError(cause, 'MCP_INSTALL_FAILED')) throw cause;
    throw failed(messageOf(cause), cause);
  }
}

async function install(session: SandboxSession, options: InstallOptions): Promise<void> {
  const { command, timeoutMs = TIMEOUT_MS, signal } = options;
  const result = await session.exec('/bin/sh', ['-c', command], {
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.exitCode === 0 && result.exceeded === null) return;
  const why =
    result.exceeded === null
      ? `it ended with exit code ${result.exitCode ?? result.signal}`
      : `it reached ${result.exceeded}`;
  const said = Buffer.concat([result.stdout, result.stderr]).toString('utf8').trim().slice(-TOLD_CHARACTERS);
  throw failed(said === '' ? why : `${why}. The end of what it said: ${withoutSecrets(said)}`);
}

/** As npm itself chooses for `npx`: the only program, or the one that is called as the package. */
async function programOf(session: SandboxSession, name: string): Promise<string> {
  const folder = `node_modules/${name}`;
  const text = await session.readTextFile({ path: `${folder}/package.json` });
  const { bin } = JSON.parse(text ?? '{}') as { readonly bin?: string | Readonly<Record<string, string>> };
  const own = name.replace(/^@[^/]*\//, '');
  const programs = typeof bin === 'string' ? { [own]: bin } : (bin ?? {});
  const [only, ...others] = Object.values(programs);
  const entry = programs[own] ?? (others.length === 0 ? only : undefined);
  if (typeof entry !== 'string')
    throw failed(
      only === undefined
        ? `the package ${name} has no program`
        : `the package ${name} has no program of its name, but: ${Object.keys(programs).join(', ')}`,
    );
  return `${folder}/${entry.replace(/^\.\//, '')}`;
}

function failed(why: string, cause?: unknown): PrusikError {
  const message = `The MCP server was not installed: ${cutText(why, TOLD_CHARACTERS)}`;
  return new PrusikError('MCP_INSTALL_FAILED', message, cause === undefined ? {} : { cause });
}
