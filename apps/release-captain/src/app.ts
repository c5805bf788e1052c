import { createHash } from 'node:crypto';
import { lstat, mkdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isPrusikError, PrusikError, type Sandbox, type Store } from '@prusik/core';
import { defineHarness } from '@prusik/harness';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { sqliteStore } from '@prusik/store-sqlite';
import { makeFolder } from './make-folder.ts';
import { createWording, type Wording } from './models.ts';
import { createCheckouts, sweep } from './release/checkouts.ts';
import type { WrapTool } from './release/agents.ts';
import { createReleaseWorkflow, type ReleaseDeps } from './release/workflow.ts';

export interface AppOptions {
  /** The database; its folder is made. */
  readonly db: string;
  /** Whether runs are driven here; without it nothing is started, and only the database is looked at. */
  readonly drives: boolean;
  /** Told in one line what a person should know. */
  readonly warn: (line: string) => void;
  /** @default the offline model */
  readonly wording?: Wording;
  /** For tests that end the process at a chosen commit. */
  readonly wrapStore?: (store: Store) => Store;
  /** For tests that end the process during a command. */
  readonly wrapSandbox?: (sandbox: Sandbox) => Sandbox;
  /** For tests that record the tools of the agents, or play them. */
  readonly wrapTool?: WrapTool;
}

export type App = Awaited<ReturnType<typeof openApp>>;

/** Notes of the largest range that is allowed fit into one outcome. */
const MAX_OUTCOME_BYTES = 4 * 1024 * 1024;
/** The workflow and its agents await nothing but their context, so a quiet one is known to wait. */
const PARK_AFTER_MS = 20;

/**
 * Everything assembled over one database. Workspaces of runs that ended without removing theirs are removed first.
 *
 * @throws {PrusikError} `STORE_…` for a database that cannot be used.
 */
export async function openApp(options: AppOptions) {
  const { db, drives, warn, wording, wrapStore = unchanged, wrapSandbox = unchanged, wrapTool = unchanged } = options;
  await makeStateFolder(dirname(db));
  const store = wrapStore(sqliteStore({ path: db }));
  try {
    const root = await workspaceFolder(db);
    const sandbox = wrapSandbox(drives ? await openSandbox(root, warn) : createLocalSandbox({ root }));
    const checkouts = createCheckouts(sandbox);
    const sweepAll = async (): Promise<void> => {
      if (drives) await sweep(sandbox, store);
    };
    const harness = defineHarness({
      store,
      sandbox,
      workflows: {
        release: createReleaseWorkflow(wording ?? createWording({ model: 'offline' }, {}), wrapTool),
      },
      limits: { maxOutcomeBytes: MAX_OUTCOME_BYTES, parkAfterMs: PARK_AFTER_MS },
      onWarning: ({ code, message }) => warn(`${message} (${code})`),
      deps: ({ root: tree }): ReleaseDeps => ({
        git: () => checkouts.git(tree),
        importRepository: (folder, signal) => checkouts.create(tree, folder, signal),
        removeWorkspace: () => checkouts.remove(tree),
      }),
    });
    await sweepAll();
    return {
      harness,
      store,
      async [Symbol.asyncDispose](): Promise<void> {
        await checkouts[Symbol.asyncDispose]();
        // What could not be removed is swept by the next process.
        await sweepAll().catch(() => undefined);
        await harness[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    // The first error is the one to tell.
    await store[Symbol.asyncDispose]().then(undefined, () => undefined);
    throw error;
  }
}

const unchanged = <T>(value: T): T => value;

async function openSandbox(root: string, warn: AppOptions['warn']): Promise<Sandbox> {
  const sandbox = createLocalSandbox({ root });
  try {
    await sandbox.level();
    return sandbox;
  } catch (error) {
    await sandbox[Symbol.asyncDispose]();
    if (!isPrusikError(error, 'SANDBOX_UNAVAILABLE')) throw error;
    // Only our own fixed argument lists of git run here; whoever runs more must not do this.
    warn(`git runs without isolation. ${error.message}`);
    return createLocalSandbox({ root, isolation: 'none' });
  }
}

/** Kept out of the person's `git status`, should it lie in a work tree. */
async function makeStateFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    if (basename(folder) !== '.release-captain') return;
    await writeFile(join(folder, '.gitignore'), '*\n', { flag: 'wx' });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    throw new PrusikError('STORE_UNAVAILABLE', `The folder ${folder} cannot be used: ${code}`, { cause: error });
  }
}

/**
 * Workspaces lie beside the database. Root's commands run as another user, who cannot pass a private folder such as /root: then they
 * lie in the machine's folder for temporary files, under a name that every process on this database works out.
 */
async function workspaceFolder(db: string): Promise<string> {
  const beside = `${db}.workspaces`;
  if (process.geteuid?.() !== 0 || (await othersMayPass(dirname(beside)))) return beside;
  const elsewhere = join(tmpdir(), `release-captain-${createHash('sha256').update(db).digest('hex').slice(0, 16)}`);
  await mkdir(elsewhere, { mode: 0o711 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const entry = await lstat(elsewhere);
  if (entry.isDirectory() && entry.uid === 0) return elsewhere;
  throw new PrusikError('SANDBOX_UNAVAILABLE', `${elsewhere} belongs to somebody else; choose another --db`);
}

async function othersMayPass(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (dirname(at) === at) return true;
  }
}
