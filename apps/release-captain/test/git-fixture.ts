import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Exec } from '../src/git/exec.ts';
import { createGit, type Git } from '../src/git/git.ts';

/** A real repository in a folder of its own; every commit a day after the one before, so that hashes repeat. */
export interface Fixture extends Disposable {
  readonly folder: string;
  readonly git: Git;
  write(path: string, content: string | Uint8Array): void;
  /** Runs git as a person would. */
  sh(...args: readonly string[]): string;
  commit(message: string, files?: Readonly<Record<string, string | Uint8Array>>, author?: string): string;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'release-captain-test-'));
  // As an ordinary folder is: the sandbox's user passes it when the tests run as root.
  chmodSync(folder, 0o755);
  return folder;
}

export function createFixture(...init: readonly string[]): Fixture {
  const folder = temporaryFolder();
  let day = 0;
  const sh = (...args: readonly string[]): string => {
    const date = new Date(Date.UTC(2026, 0, 1 + day, 12)).toISOString();
    return execFileSync('git', args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_AUTHOR_NAME: 'Ada',
        GIT_AUTHOR_EMAIL: 'ada@example.com',
        GIT_COMMITTER_NAME: 'Ada',
        GIT_COMMITTER_EMAIL: 'ada@example.com',
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_DATE: date,
      },
    }).trim();
  };
  sh('init', '--quiet', '--initial-branch=main', ...init);
  const write: Fixture['write'] = (path, content) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  return {
    folder,
    git: createGit(hostExec, join(folder, '.git')),
    write,
    sh,
    commit(message, files = {}, author = 'Ada <ada@example.com>') {
      day += 1;
      for (const [path, content] of Object.entries(files)) write(path, content);
      sh('add', '--all');
      sh('commit', '--quiet', '--allow-empty', '--allow-empty-message', `--author=${author}`, '-m', message);
      return sh('rev-parse', '--short', 'HEAD');
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** git on the host, with nothing but the environment that is asked for. */
export const hostExec: Exec = ([file, ...args], { env, maxOutputBytes, signal }) =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal ? { signal } : {}),
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (exitCode) => {
      const whole = Buffer.concat(stdout);
      resolve({
        exitCode,
        stdout: whole.subarray(0, maxOutputBytes),
        stderr: Buffer.concat(stderr),
        truncated: whole.length > maxOutputBytes,
      });
    });
  });
