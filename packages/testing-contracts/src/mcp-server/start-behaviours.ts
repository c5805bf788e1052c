import { forever, type Behaviour, type Line, type Message } from './wire.ts';

const HANDSHAKE: ReadonlySet<string> = new Set(['initialize', 'server/discover']);

/** Answers a handshake with whatever is given, and lets everything else pass. */
const handshake =
  (result: (method: string) => unknown) =>
  ({ id, method }: Message, line: Line): boolean => {
    if (method === undefined || !HANDSHAKE.has(method)) return false;
    line.send({ jsonrpc: '2.0', id, result: result(method) });
    line.end();
    return true;
  };

export type StartKind =
  | 'crash-at-start'
  | 'exit-in-handshake'
  | 'exit-on-probe'
  | 'silent-on-probe'
  | 'hang-at-start'
  | 'banner'
  | 'wrong-handshake'
  | 'unknown-revision'
  | 'lies-about-revision'
  | 'garbage-at-start';

/** Servers with which no conversation begins, or only a strange one. */
export const START_BEHAVIOURS: Readonly<Record<StartKind, Partial<Behaviour>>> = {
  /** Says why on stderr, and exits with 7. */
  'crash-at-start': {
    start() {
      process.stderr.write('settings.json could not be read\n');
      process.exit(7);
    },
  },
  /** Exits with 3 at the first message. */
  'exit-in-handshake': { takes: () => process.exit(3) },
  /** As servers of the older revision do that know no other first message than theirs. */
  'exit-on-probe': { takes: ({ method }) => method === 'server/discover' && process.exit(0) },
  /** Answers the first message of the older revision only. */
  'silent-on-probe': { takes: ({ method }) => method === 'server/discover' },
  /** Reads everything and answers nothing. */
  'hang-at-start': { takes: () => true },
  /** Greets the terminal that it believes to have. */
  banner: {
    start() {
      process.stdout.write('Server 1.0 listens\n\n  {"log": "it is well"}\n');
    },
  },
  /** Its results of the handshake are none. */
  'wrong-handshake': { takes: handshake(() => 'hello') },
  /** Speaks a revision that nobody has heard of. */
  'unknown-revision': {
    takes: handshake((method) =>
      method === 'initialize'
        ? { protocolVersion: '1999-01-01', capabilities: { tools: {} }, serverInfo: { name: 'old', version: '1' } }
        : {
            resultType: 'complete',
            supportedVersions: ['1999-01-01'],
            capabilities: { tools: {} },
            ttlMs: 0,
            cacheScope: 'private',
          },
    ),
  },
  /** Says that it speaks 2026-07-28, and answers as 2025-11-25 does. */
  'lies-about-revision': {
    takes({ id, method }, line) {
      if (method !== 'tools/list') return false;
      line.send({ jsonrpc: '2.0', id, result: { tools: [] } });
      line.end();
      return true;
    },
  },
  /** Writes what is no message, for ever, from the start. */
  'garbage-at-start': {
    start() {
      forever(() => void process.stdout.write('this is a log, and no message\n'));
    },
    takes: () => true,
  },
};
