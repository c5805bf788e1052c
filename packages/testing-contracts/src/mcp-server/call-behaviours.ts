import { forever, type Behaviour, type Fields, type ToolCall } from './wire.ts';
import { text, WELL } from './well.ts';

/** Answers to `act`; every other tool is well. */
const onAct =
  (call: Behaviour['call']): Behaviour['call'] =>
  (made, world) =>
    (made.name === 'act' ? call : WELL.call)(made, world);

const died = (): never => process.exit(9);

/** What an answer is not; `act` with the number of one answers with it. */
const WRONG_ANSWERS: readonly Fields[] = [
  { result: null },
  { result: 'done' },
  { result: [] },
  { error: 'failed' },
  { error: { code: 'failed', message: 'It failed' } },
  { error: { code: 1, message: { is: 'no text' } } },
  { result: { resultType: 'complete', content: [] }, error: { code: -32_000, message: 'both' } },
  {},
];

export type CallKind =
  | 'hang-in-call'
  | 'crash-before-effect'
  | 'crash-after-effect'
  | 'crash-after-answer'
  | 'late-answer'
  | 'two-answers'
  | 'stray-answers'
  | 'string-id'
  | 'out-of-order'
  | 'wrong-result'
  | 'unknown-content'
  | 'deep-result'
  | 'slow-drip'
  | 'giant-message'
  | 'endless-message'
  | 'broken-messages';

/** Servers that are well until one calls `act`. */
export const CALL_BEHAVIOURS: Readonly<Record<CallKind, Partial<Behaviour>>> = {
  /** Has the effect, and never says so. */
  'hang-in-call': { call: onAct((call, world) => world.effect(said(call))) },
  /** Exits with 9 before the effect. */
  'crash-before-effect': { call: onAct(died) },
  /** Exits with 9 after the effect, without an answer. */
  'crash-after-effect': {
    call: onAct((call, world) => {
      world.effect(said(call));
      died();
    }),
  },
  /** Answers, and is gone before anybody has read it. */
  'crash-after-answer': {
    call: onAct((call, world) => {
      WELL.call(call, world);
      if (process.argv.includes('--http')) setImmediate(died);
      else died();
    }),
  },
  /** Answers when it is told that nobody waits any more. */
  'late-answer': lateAnswer(),
  'two-answers': {
    call: onAct((call, world) => {
      world.effect(said(call));
      call.line.send({ jsonrpc: '2.0', id: call.id, result: { resultType: 'complete', ...text('first') } });
      call.answer(text('second'));
    }),
  },
  /** Answers what nobody has asked, and then the call. */
  'stray-answers': {
    call: onAct((call, world) => {
      const result = { resultType: 'complete', ...text('stray') };
      for (const id of [String(call.id), ` ${call.id}`, 987_654, -1, 1.5, null, true, {}, [call.id]])
        call.line.send({ jsonrpc: '2.0', id, result });
      call.line.send({ jsonrpc: '2.0', result });
      call.line.send({ jsonrpc: '2.0', id: 987_655, error: { code: 1, message: 'stray' } });
      call.line.send({
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken: 'never-given', progress: 1 },
      });
      WELL.call(call, world);
    }),
  },
  /** Answers under an id that only looks like the one of the call. */
  'string-id': {
    call: onAct((call, world) => {
      world.effect(said(call));
      call.line.send({ jsonrpc: '2.0', id: String(call.id), result: { resultType: 'complete', ...text('done') } });
    }),
  },
  /** Answers in the opposite order once the one with the text `last` has come. */
  'out-of-order': outOfOrder(),
  'wrong-result': {
    call: onAct((call, world) => {
      world.effect(said(call));
      call.reply(WRONG_ANSWERS[Number(said(call))] ?? {});
    }),
  },
  'unknown-content': {
    call: onAct((call, world) => {
      world.effect(said(call));
      const parts = [{ type: 'hologram', data: 'x' }, 42, null, { type: 'text', text: 42 }, { type: 'image' }];
      call.answer({ content: [...parts, { type: 'text', text: 'known' }] });
    }),
  },
  /** Its data have 100,000 levels. */
  'deep-result': {
    call: onAct((call, world) => {
      world.effect(said(call));
      const deep = '['.repeat(100_000) + ']'.repeat(100_000);
      const result = `{"resultType":"complete","content":[],"structuredContent":{"deep":${deep}}}`;
      call.line.write(`{"jsonrpc":"2.0","id":${JSON.stringify(call.id)},"result":${result}}\n`);
    }),
  },
  /** Writes its answer, a byte at a time. */
  'slow-drip': {
    call: onAct((call, world) => {
      world.effect(said(call));
      const answer = JSON.stringify({ jsonrpc: '2.0', id: call.id, result: text('x'.repeat(1_000_000)) });
      let at = 0;
      setInterval(() => call.line.write(answer[at++] ?? ''), 5);
    }),
  },
  /** Its answer has 64 MiB. */
  'giant-message': {
    call: onAct((call, world) => {
      world.effect(said(call));
      call.answer(text('x'.repeat(64 * 1024 * 1024)));
    }),
  },
  /** Its answer never ends. */
  'endless-message': {
    call: onAct((call, world) => {
      world.effect(said(call));
      call.line.write(`{"jsonrpc":"2.0","id":${JSON.stringify(call.id)},"result":{"content":[{"type":"text","text":"`);
      const piece = 'x'.repeat(4_096);
      forever(() => call.line.write(piece));
    }),
  },
  /** Between two messages there are some that are none. */
  'broken-messages': {
    call: onAct((call, world) => {
      for (const line of [
        '\0\0\0',
        '{"jsonrpc":"2.0",',
        '{"jsonrpc":"2.0","id":1,"result":{"a":1}}}',
        '42',
        'null',
        '[]',
        '{}',
        '"',
        '\u2028',
      ])
        call.line.write(`${line}\n`);
      call.line.write(Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x0a]));
      WELL.call(call, world);
    }),
  },
};

const said = (call: ToolCall): string => String(call.args['text']);

function lateAnswer(): Partial<Behaviour> {
  const open = new Map<unknown, ToolCall>();
  return {
    takes({ method, params }) {
      if (method !== 'notifications/cancelled') return false;
      open.get(params?.['requestId'])?.answer(text('late'));
      return false;
    },
    call: onAct((call, world) => {
      world.effect(said(call));
      open.set(call.id, call);
    }),
  };
}

function outOfOrder(): Partial<Behaviour> {
  const open: ToolCall[] = [];
  return {
    call(call) {
      open.unshift(call);
      if (said(call) === 'last') for (const one of open.splice(0)) one.answer(text(said(one)));
    },
  };
}
