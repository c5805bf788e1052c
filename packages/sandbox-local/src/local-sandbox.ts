import self from '@prusik/sandbox-local/package.json' with { type: 'json' };
import { mkdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import {
  cleanupFailed,
  createCleanup,
  errorFields,
  PrusikError,
  safeLogger,
  systemClock,
  type Logger,
  type OpenSandboxOptions,
  type Sandbox,
  type SandboxLevel,
  type SandboxLimits,
} from '@prusik/core';
import { inheritableDescriptors } from './descriptors.ts';
import { buildEnvironment } from './environment.ts';
import { resolveIdentity } from './identity.ts';
import { openBubblewrap, openNoIsolation, type Isolation } from './isolation.ts';
import { levelOnNetwork, requireLevel } from './level.ts';
import { checkLimit, DEFAULT_LIMITS, resolveLimits } from './limits.ts';
import { checkMounts } from './mounts.ts';
import { createSession } from './session.ts';
import { tryOut } from './try-out.ts';
import { unavailable } from './unavailable.ts';
import { createWorkspaceStore } from './workspace-store.ts';

/** Where the workspaces are, how commands are isolated, and their bounds. */
export interface LocalSandboxOptions {
  /**
   * Absolute path of the folder that takes the workspaces. Created if missing. Every folder above it must let the sandbox's
   * user pass (mode o+x) when this process is root.
   */
  readonly root: string;
  /**
   * `'bubblewrap'` isolates or refuses. `'none'` runs commands as they are, under this process's user (or `user`, for root).
   * @default 'bubblewrap'
   */
  readonly isolation?: 'bubblewrap' | 'none';
  /** Path of bubblewrap. @default the first of /usr/bin/bwrap, /usr/local/bin/bwrap, /run/current-system/sw/bin/bwrap */
  readonly bubblewrap?: string;
  /** Whom commands run as, and workspaces belong to, when this process is root. @default uid and gid 65530 */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Limits of sessions that say nothing else. */
  readonly limits?: Partial<SandboxLimits>;
  /** Sessions open at once. @default 256 */
  readonly maxSessions?: number;
  /** Commands running at once, over all sessions. @default 256 */
  readonly maxCommands?: number;
  /** Takes a line for operators where a session cannot be cleaned up and nobody waits for it. @default none are written */
  readonly logger?: Logger;
}

/**
 * A {@link Sandbox} on this machine. Nothing is started or written before it is used; the first use tries the isolation out.
 *
 * @throws {TypeError} for wrong options. Whether anything isolates here is told by {@link Sandbox.open} and {@link Sandbox.level}.
 */
export function createLocalSandbox(options: LocalSandboxOptions): Sandbox {
  const { root, isolation = 'bubblewrap', bubblewrap, maxSessions = 256, maxCommands = 256 } = options;
  if (!isAbsolute(root))
    throw new TypeError(`The sandbox's root must be an absolute path, not ${JSON.stringify(root)}`);
  if (isolation !== 'bubblewrap' && isolation !== 'none')
    throw new TypeError(`There is no isolation ${JSON.stringify(isolation)}, only 'bubblewrap' and 'none'`);
  checkLimit('maxSessions', maxSessions);
  checkLimit('maxCommands', maxCommands);
  const identity = resolveIdentity(options.user);
  const defaults = resolveLimits(DEFAULT_LIMITS, options.limits);

  const log = options.logger && safeLogger(options.logger);
  const leftOver = (error: unknown): void =>
    log?.error(
      { event: 'sandbox-cleanup-failed', ...errorFields(error) },
      'A session of the sandbox is not cleaned up',
    );

  /** Open sessions; opening ones count. */
  const sessions = new Map<symbol, { dispose?: () => PromiseLike<void> }>();
  let commands = 0;
  let isolated: Promise<Isolation> | undefined;
  let disposal: Promise<void> | undefined;

  const workspaces = createWorkspaceStore({
    root,
    owner: identity,
    now: systemClock.now,
  });

  const assertOpen = (): void => {
    if (disposal !== undefined) throw new PrusikError('SANDBOX_CLOSED', 'The sandbox is closed');
  };
  const isolate = (): Promise<Isolation> => {
    isolated ??= openIsolation().catch((error: unknown) => {
      // Not remembered: the machine may be put right meanwhile.
      isolated = undefined;
      throw error;
    });
    return isolated;
  };
  const openIsolation = async (): Promise<Isolation> => {
    if (isolation === 'none') return openNoIsolation(identity);
    await mkdir(root, { recursive: true, mode: 0o711 }).catch((error: unknown) => {
      throw unavailable(`the folder ${root} cannot be made`, 'Name one that this process may make', error);
    });
    const opened = await openBubblewrap({ bubblewrap, etc: join(root, 'etc'), identity });
    try {
      await tryOut(opened, root, identity);
      return opened;
    } catch (error) {
      opened.close();
      throw error;
    }
  };
  const takeSlot = (): (() => void) => {
    if (commands >= maxCommands) throw busy(`${maxCommands} commands are running`, 'maxCommands');
    commands += 1;
    return () => {
      commands -= 1;
    };
  };

  const open = async (request: OpenSandboxOptions) => {
    assertOpen();
    const { workspace, signal, mounts = [], network = 'none' } = request;
    const limits = resolveLimits(defaults, request.limits);
    const env = buildEnvironment(request.env);
    checkMounts(mounts);
    if (network !== 'none' && network !== 'host')
      throw new TypeError(`There is no network ${JSON.stringify(network)}, only 'none' and 'host'`);
    signal?.throwIfAborted();
    if (sessions.size >= maxSessions) throw busy(`${maxSessions} sessions are open`, 'maxSessions');

    // Taken before the first wait, so that no other can slip in between.
    const id = Symbol(workspace);
    const entry: { dispose?: () => PromiseLike<void> } = {};
    sessions.set(id, entry);
    let entered: Awaited<ReturnType<typeof workspaces.enter>> | undefined;
    try {
      const { launcher } = await isolate();
      const level = levelOnNetwork(launcher.level, network);
      requireLevel(level, request.require);
      if (mounts.length > 0 && launcher.level.files === 'none')
        throw new PrusikError(
          'SANDBOX_MOUNT_REFUSED',
          'Without isolation there is nowhere to mount; copy the files into the workspace',
        );
      const { place, leave } = (entered = await workspaces.enter(workspace));
      const onAbort = (): void => void session[Symbol.asyncDispose]().then(undefined, leftOver);
      const session = await createSession({
        launcher,
        place,
        limits,
        mounts,
        network,
        level,
        inheritable: await inheritableDescriptors(),
        env,
        owner: identity,
        takeSlot,
        onDispose() {
          signal?.removeEventListener('abort', onAbort);
          sessions.delete(id);
          leave();
        },
      });
      entry.dispose = () => session[Symbol.asyncDispose]();
      if (disposal !== undefined || signal?.aborted === true) {
        await session[Symbol.asyncDispose]();
        signal?.throwIfAborted();
        assertOpen();
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      return session;
    } catch (error) {
      sessions.delete(id);
      entered?.leave();
      throw error;
    }
  };

  const dispose = async (): Promise<void> => {
    const cleanup = createCleanup();
    cleanup.add('isolation', async () => (await isolated?.catch(() => undefined))?.close());
    cleanup.add('sessions', async () => {
      const ended = await Promise.allSettled([...sessions.values()].map(async (session) => session.dispose?.()));
      const failed = ended.flatMap((end) =>
        end.status === 'rejected' ? [{ what: 'session', error: end.reason }] : [],
      );
      if (failed.length > 0) throw cleanupFailed(failed);
    });
    await cleanup.run();
  };

  return {
    adapter: { package: self.name, version: self.version },
    workspaces,
    open,
    async level(): Promise<SandboxLevel> {
      assertOpen();
      return (await isolate()).launcher.level;
    },
    [Symbol.asyncDispose]() {
      disposal ??= dispose();
      return disposal;
    },
  };
}

function busy(why: string, bound: string): PrusikError {
  return new PrusikError(
    'SANDBOX_BUSY',
    `The sandbox is at its bound: ${why}. Wait for one to end, or raise ${bound}`,
    {
      retryable: true,
    },
  );
}
