import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { filesOf } from '../src/servers.ts';
import type { Order, Told } from '../src/order.ts';
import { createSearch, KINDS, newWords, type Kind } from '../src/words.ts';
import { startOutside } from './outside.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** What was found of one life of the app. */
export interface AppRun {
  readonly code: number | null;
  /** Standard error, for whoever looks at a failure. */
  readonly stderr: string;
  /** What stands in each sink that was written to. */
  readonly found: ReadonlyMap<string, readonly Kind[]>;
  /** Of which nobody has got anything who should have. */
  readonly unused: readonly Kind[];
}

/** The app in a process of its own, from its start to its end. */
export async function runAppProcess(how: Pick<Order, 'capture' | 'isLeaky'>): Promise<AppRun> {
  const words = newWords();
  await using outside = await startOutside(words);
  const folder = mkdtempSync(join(tmpdir(), `leak-${words.folder}-`));
  try {
    prepare(folder);
    const { provider, hut, collector } = outside;
    const child = spawn(
      process.execPath,
      ['--conditions=@prusik/source', '--disable-warning=ExperimentalWarning', MAIN],
      {
        stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
        env: { ...process.env, LEAK_TEST_TOKEN: words.processEnvironment },
      },
    );
    child.stdin.end(JSON.stringify({ words, folder, provider, hut, collector, ...how } satisfies Order));
    const [stdout, stderr, told, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      text(child.stdio[3] as Readable),
      once(child, 'close') as Promise<[number | null]>,
    ]);

    const sinks = new Map<string, string>([
      ['stdout', stdout],
      ['stderr', stderr],
      ['stdio server', readFileSync(filesOf(folder).received, 'utf8')],
      ['sent', JSON.stringify([words.mcpBody, words.answeredBody, words.answeredHeader])],
    ]);
    for (const line of told.split('\n').filter((one) => one !== '')) {
      const { sink, text: more } = JSON.parse(line) as Told;
      sinks.set(sink, `${sinks.get(sink) ?? ''}${more}\n`);
    }
    for (const who of OUTSIDE) sinks.set(who, outside.got(who));
    const search = createSearch(words);
    const found = new Map([...sinks].filter(([, all]) => all !== '').map(([sink, all]) => [sink, search(all)]));
    const environment = search(readFileSync(filesOf(folder).environment, 'utf8'));
    const has = (kind: Kind, who: string): boolean =>
      found.get(who)?.includes(kind) === true || (who === 'stdio server' && environment.includes(kind));
    const unused = Object.entries(KINDS).flatMap(([kind, who]) => (has(kind as Kind, who) ? [] : [kind as Kind]));
    return { code, stderr, found, unused };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const OUTSIDE = [
  'model',
  'provider',
  'http server',
  'collector headers',
  'collector /json/v1/traces',
  'collector /protobuf/v1/traces',
  'collector /v1/metrics',
];

/** Commands of somebody who is root run as somebody else, who reaches this folder and writes into these files. */
function prepare(folder: string): void {
  chmodSync(folder, 0o755);
  for (const file of Object.values(filesOf(folder))) {
    writeFileSync(file, '');
    chmodSync(file, 0o666);
  }
  const node = join(folder, 'node');
  if (existsSync(node)) return;
  try {
    linkSync(process.execPath, node);
  } catch {
    copyFileSync(process.execPath, node);
  }
}
