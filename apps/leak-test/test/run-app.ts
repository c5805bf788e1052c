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

const program = (name: string): string => fileURLToPath(new URL(`../src/${name}`, import.meta.url));
const FLAGS = ['--conditions=@prusik/source', '--disable-warning=ExperimentalWarning'];

/** What was found of one life of the app. */
export interface AppRun {
  readonly exitCode: number | null;
  /** Standard error, for whoever looks at a failure. */
  readonly stderr: string;
  /** What stands in each sink that was written to. */
  readonly found: ReadonlyMap<string, readonly Kind[]>;
  /** Of which nobody has got anything who should have. */
  readonly unused: readonly Kind[];
}

/** The app in a process of its own, from its start to its end. What it compiles it keeps in the folder `code`, for the next. */
export async function runAppProcess(how: Pick<Order, 'capture' | 'isLeaky'>, code: string): Promise<AppRun> {
  const env = { NODE_COMPILE_CACHE: code, ...process.env };
  const words = newWords();
  await using outside = await startOutside(words);
  const folder = mkdtempSync(join(tmpdir(), `leak-${words.folder}-`));
  try {
    prepare(folder);
    const { provider, hut, collector } = outside;
    const child = spawn(process.execPath, [...FLAGS, program('main.ts')], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      env: { ...env, LEAK_TEST_TOKEN: words.processEnvironment },
    });
    child.stdin.end(JSON.stringify({ words, folder, provider, hut, collector, ...how } satisfies Order));
    const [stdout, stderr, told, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      text(child.stdio[3] as Readable),
      once(child, 'close') as Promise<[number | null]>,
    ]);

    const sinks = new Map<string, string>([
      ['stdout', stdout],
      ['stderr', stderr],
      ['stdio server', readFileSync(filesOf(folder).received, 'utf8')],
      ['cli', how.capture !== 'full' ? await commandLines(folder, how.isLeaky, env) : 'not asked'],
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
    return { exitCode, stderr, found, unused };
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

/** What a person reads of the stores that the app has left, without `--content` unless he is mistaken. */
async function commandLines(folder: string, isLeaky: boolean, env: NodeJS.ProcessEnv): Promise<string> {
  const about = (run: string): readonly (readonly string[])[] => [
    ['show', run, ...(isLeaky ? ['--content'] : [])],
    ['show', run, '--json'],
    ['events', run],
    ['events', run, '--json', '--tree'],
  ];
  const anywhere = [
    ['runs'],
    ['runs', '--json'],
    ['sessions'],
    ['requests', '--status', 'open,answered,approved'],
    ['doctor'],
  ];
  const on = (name: string, commands: readonly (readonly string[])[]): readonly (readonly string[])[] =>
    commands.map((args) => [...args, '--db', join(folder, `${name}.db`)]);
  const commands = [
    ...on('runs', [
      ...anywhere,
      ...['desk-1', 'plan-1', 'failing-1', 'miscoded-1', 'broken-1', 'nothing'].flatMap(about),
    ]),
    ...on('logged', [...anywhere, ...['doubtful-1', 'homeless-1'].flatMap(about)]),
  ];
  const child = spawn(process.execPath, [...FLAGS, program('cli.ts')], { stdio: ['pipe', 'pipe', 'pipe'], env });
  child.stdin.end(JSON.stringify(commands));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return stdout + stderr;
}

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
