import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CLIENT = fileURLToPath(new URL('./fixtures/conformance-client.ts', import.meta.url));
const EXPECTED = fileURLToPath(new URL('./conformance/expected-failures.yml', import.meta.url));
const SUITE = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')),
  'dist/index.js',
);

/** Checks that pass, at least: a client that does nothing passes some scenarios. */
const REVISIONS = [
  ['2025-11-25', 320],
  ['2026-07-28', 500],
] as const;

/** Their client is to refuse what it is offered; one answers with a result that is none in its revision. */
const REFUSES =
  /^sep-2322-client-request-state$|^auth\/(resource-mismatch|scope-retry-limit|iss-(supported-missing|wrong-issuer|unexpected|normalized)|metadata-issuer-mismatch)$/;

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** What one scenario came to. */
interface Played {
  readonly scenario: string;
  readonly checks: readonly Check[];
  /** Last line of the client. */
  readonly said: string;
}

describe.each(REVISIONS)('MCP-5: the official client conformance suite of revision %s', (revision, least) => {
  let folder: string;
  let exitCode: number | null;
  let summary: string;
  let played: readonly Played[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prusik-conformance-'));
    ({ exitCode, summary } = await runSuite(revision, folder));
    played = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('checks.json'))
      .map((path) => readPlayed(join(folder, dirname(path)), dirname(path)));
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('fails nothing that is not expected to fail, and everything that is', () => {
    const failed = played.flatMap(({ scenario, checks }) =>
      checks
        .filter(({ status }) => status === 'FAILURE' || status === 'WARNING')
        .map(({ id, errorMessage }) => `${scenario}:${id}: ${errorMessage}`),
    );
    expect(failed.filter((one) => !expectedFailures().some((expected) => one.startsWith(`${expected}:`)))).toEqual([]);
    expect({ exitCode, summary: exitCode === 0 ? '' : summary }).toEqual({ exitCode: 0, summary: '' });
  });

  it('passes as many checks as a client that does something does', () => {
    const passed = played.flatMap(({ checks }) => checks).filter(({ status }) => status === 'SUCCESS');
    expect(passed.length).toBeGreaterThanOrEqual(least);
  });

  it('has a client that did in each scenario what it was to do', () => {
    const odd = played
      .filter(({ scenario, said }) => (said === 'did') === REFUSES.test(scenario))
      .map(({ scenario, said }) => `${scenario}: ${said}`);
    expect(odd.filter((one) => !expectedFailures().some((expected) => one.startsWith(`${expected}:`)))).toEqual([]);
  });
});

it('MCP-5: what is expected to fail has a reason, and becomes no more', () => {
  const lines = readFileSync(EXPECTED, 'utf8')
    .split('\n')
    .filter((line) => line.trimStart().startsWith('- '));
  expect(lines.length).toBeLessThanOrEqual(5);
  expect(lines.filter((line) => !/#\s*\S.{20,}/.test(line))).toEqual([]);
});

/** Scenarios, or `scenario:check`. */
function expectedFailures(): readonly string[] {
  return [...readFileSync(EXPECTED, 'utf8').matchAll(/^\s*- ([^\s#]+)/gm)].map(([, name = '']) => name);
}

/** Apart from every network: its servers listen on all addresses. All of it ends with this process. */
async function runSuite(revision: string, folder: string): Promise<{ exitCode: number | null; summary: string }> {
  // It starts all of its clients at once: forty, of which as many as there are processors get on.
  const slot = `${join(folder, 'slot')}-$(($$%3))`;
  const client = `exec flock ${slot} ${process.execPath} --conditions=@prusik/source ${CLIENT}`;
  const suite = spawn(
    'bwrap',
    [
      [
        '--bind',
        '/',
        '/',
        '--dev',
        '/dev',
        '--proc',
        '/proc',
        '--unshare-net',
        '--unshare-pid',
        '--die-with-parent',
        '--',
      ],
      [process.execPath, SUITE, 'client', '--command', client, '--requirements', revision],
      ['--expected-failures', EXPECTED, '-o', folder, '--timeout', '150000'],
    ].flat(),
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 170_000,
      killSignal: 'SIGKILL',
      env: { NODE_COMPILE_CACHE: join(folder, 'code'), ...process.env },
    },
  );
  let said = '';
  for (const stream of [suite.stdout, suite.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [exitCode] = (await once(suite, 'close')) as [number | null];
  return { exitCode, summary: said.slice(-4_000) };
}

function readPlayed(folder: string, name: string): Played {
  return {
    scenario: name.replace(/^client\//, '').replace(/-\d{4}-\d{2}-\d{2}T.*$/, ''),
    checks: JSON.parse(readFileSync(join(folder, 'checks.json'), 'utf8')) as readonly Check[],
    said: readFileSync(join(folder, 'stdout.txt'), 'utf8').trim().split('\n').at(-1) ?? '',
  };
}
