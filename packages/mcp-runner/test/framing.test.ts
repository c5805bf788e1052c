import { describe, expect, it } from 'vitest';
import { createMessageFramer } from '../src/message-framer.ts';
import { NO_RESULT } from '../src/no-result.ts';
import { readMessage } from '../src/rpc-message.ts';
import { createStderrTail } from '../src/stderr-tail.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function framed(maxBytes: number, chunks: readonly Uint8Array[]): { lines: string[]; whole: boolean } {
  const lines: string[] = [];
  const framer = createMessageFramer(maxBytes, (line) => lines.push(line));
  const whole = chunks.every((chunk) => framer.push(chunk));
  return { lines, whole };
}

describe('MCP-2: lines of a server', () => {
  it('are the same however they come in pieces', () => {
    const text = bytes('{"a":1}\r\n\nüñ🙂\nrest');
    const lines = ['{"a":1}\r', '', 'üñ🙂'];

    for (const size of [1, 2, 3, 5, 100]) {
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
        text.subarray(at * size, (at + 1) * size),
      );
      expect(framed(100, chunks)).toEqual({ lines, whole: true });
    }
  });

  it('are as long as the bound and no longer, without their end', () => {
    expect(framed(4, [bytes('1234\n12'), bytes('34\n')])).toEqual({ lines: ['1234', '1234'], whole: true });
    expect(framed(4, [bytes('1\n12345\n2\n')])).toEqual({ lines: ['1'], whole: false });
    expect(framed(4, [bytes('12'), bytes('345')])).toEqual({ lines: [], whole: false });
  });

  it('take time in proportion to their length, byte by byte too', () => {
    const length = 4 * 1024 * 1024;
    const byte = bytes('x');
    const lines: string[] = [];
    const framer = createMessageFramer(length, (line) => lines.push(line));
    const begun = performance.now();

    for (let at = 0; at < length; at++) framer.push(byte);
    framer.push(bytes('\n'));

    expect(lines[0]).toHaveLength(length);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});

describe('MCP-2: a line of JSON-RPC', () => {
  it('is a request, a notification or an answer', () => {
    expect(readMessage('{"jsonrpc":"2.0","id":"a","method":"ping"}')).toMatchObject({
      kind: 'request',
      id: 'a',
      method: 'ping',
    });
    expect(readMessage('{"jsonrpc":"2.0","method":"n","params":{}}')).toMatchObject({
      kind: 'notification',
      method: 'n',
    });
    expect(readMessage('{"jsonrpc":"2.0","id":0,"result":{}}')).toMatchObject({ kind: 'answer', id: 0 });
    expect(readMessage('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}')).toMatchObject({
      kind: 'answer',
      id: null,
    });
  });

  it.each([
    '',
    'Listening on stdio',
    'null',
    '[]',
    '"text"',
    '{}',
    '\u0000{"jsonrpc":"2.0","method":"n"}',
    '{"jsonrpc":"1.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","id":1.5,"result":{}}',
    '{"jsonrpc":"2.0","id":null,"result":{}}',
    '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
  ])('is not %j', (line) => {
    expect(readMessage(line)).toBeUndefined();
  });

  it.each([
    '{"jsonrpc":"2.0","id":1,"result":[]}',
    '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"both"}}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":"y"}}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":1}}',
    '{"jsonrpc":"2.0","id":1}',
  ])('is an answer that says nothing: %j', (line) => {
    expect(readMessage(line)).toEqual({
      kind: 'answer',
      id: 1,
      message: { jsonrpc: '2.0', id: 1, error: NO_RESULT },
    });
  });
});

describe('MCP-2: the end of stderr', () => {
  it('is all of it while that is short', () => {
    const tail = createStderrTail(10);
    expect(tail.text()).toBe('');

    tail.add(bytes('one\n'));
    tail.add(bytes('two'));

    expect(tail.text()).toBe('one\ntwo');
  });

  it('is the last lines that fit, however they came', () => {
    for (const size of [1, 3, 7, 40]) {
      const tail = createStderrTail(12);
      const text = bytes('first line\nsecond\nthird\n');
      for (let at = 0; at < text.length; at += size) tail.add(text.subarray(at, at + size));

      expect(tail.text()).toBe('third\n');
    }
  });

  it('is the end of a line that is longer', () => {
    const tail = createStderrTail(5);

    tail.add(bytes('0123456789'));

    expect(tail.text()).toBe('56789');
  });
});
