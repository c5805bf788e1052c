import { forever, type Behaviour, type Fields, type Line, type World } from './wire.ts';
import { WELL } from './well.ts';

const notify = (method: string, params: Fields = {}): Fields => ({ jsonrpc: '2.0', method, params });

/** What is counted when tools are listed. */
const LISTED = 'listed';

/** Floods the line with what is given from the first call on, and answers all the same. */
const flooded = (say: (line: Line, world: World) => void): Partial<Behaviour> => ({
  call(call, world) {
    if (world.calls === 1) forever(() => say(call.line, world));
    setImmediate(() => WELL.call(call, world));
  },
});

let asked = 0;
const request = (method: string, params: Fields): Fields => ({
  jsonrpc: '2.0',
  id: `asked-${++asked}`,
  method,
  params,
});

export type FloodKind =
  | 'progress-flood'
  | 'log-flood'
  | 'list-changed-flood'
  | 'request-flood'
  | 'unread-answers'
  | 'question-flood'
  | 'stderr-flood'
  | 'garbage-in-call';

const ask = (): Fields => request(asked % 2 === 0 ? 'ping' : 'roots/list', {});

/** Servers that say more than anybody wants to hear. */
export const FLOOD_BEHAVIOURS: Readonly<Record<FloodKind, Partial<Behaviour>>> = {
  /** Reports progress of `act` for ever, after its effect. */
  'progress-flood': {
    call(call, world) {
      if (call.name !== 'act') return WELL.call(call, world);
      world.effect(String(call.args['text']));
      let progress = 0;
      const { progressToken = 'none' } = call;
      forever(() =>
        call.line.send(notify('notifications/progress', { progressToken, progress: ++progress, message: 'on it' })),
      );
    },
  },
  'log-flood': flooded((line) => line.send(notify('notifications/message', { level: 'info', data: 'y'.repeat(200) }))),
  /** Counts how often it is asked for them. */
  'list-changed-flood': {
    ...flooded((line, world) => world.changed(line)),
    list(params, world) {
      world.effect(LISTED);
      return WELL.list(params, world);
    },
  },
  /** Asks for roots and pings, 500 times before each answer. */
  'request-flood': {
    call(call, world) {
      for (let times = 0; times < 500; times += 1) call.line.send(ask());
      WELL.call(call, world);
    },
  },
  /** Asks for ever once `act` was called and had its effect, and reads no answers. */
  'unread-answers': {
    call(call, world) {
      if (call.name !== 'act') return WELL.call(call, world);
      world.effect(String(call.args['text']));
      process.stdin.pause();
      forever(() => call.line.send(ask()));
    },
  },
  /** Asks a person thousands of questions in one call, after its effect, and waits for the answers. */
  'question-flood': {
    call(call, world) {
      if (call.name !== 'act') return WELL.call(call, world);
      world.effect(String(call.args['text']));
      const requestedSchema = { type: 'object', properties: { name: { type: 'string' } } };
      for (let times = 0; times < 2_000; times += 1)
        call.line.send(request('elicitation/create', { message: `Question ${times}`, requestedSchema }));
    },
  },
  /** 1 MiB before every answer. */
  'stderr-flood': {
    start() {
      process.stderr.write('token=sk-THISISNOTFORLOGS0123456789abcdef\n');
    },
    call(call, world) {
      for (let times = 0; times < 16; times += 1) process.stderr.write(`${'z'.repeat(65_535)}\n`);
      WELL.call(call, world);
    },
  },
  /** Writes what is no message, for ever, once `act` was called and had its effect. */
  'garbage-in-call': {
    call(call, world) {
      if (call.name !== 'act') return WELL.call(call, world);
      world.effect(String(call.args['text']));
      forever(() => call.line.write('this is a log, and no message\n'));
    },
  },
};
