import { describe, expect, it } from 'vitest';
import type { Message, MessagePart, StoredMessage } from '@prusik/core';
import { createWindow, type HistoryWindow, type WindowLimits } from '../src/history-window.ts';

const call = (callId: string): MessagePart => ({ type: 'tool-call', callId, tool: 'git', input: null });
const result = (callId: string): MessagePart => ({
  type: 'tool-result',
  callId,
  tool: 'git',
  output: { type: 'text', text: callId },
});
const text = (value: string): MessagePart => ({ type: 'text', text: value });
const message = (kind: 'user' | 'assistant' | 'tool', ...content: MessagePart[]): Omit<Message, 'id'> => ({
  v: 1,
  role: kind,
  kind,
  content,
});

/** Two turns; the second has two calls in one message, answered by two messages. */
const thread: readonly StoredMessage[] = [
  message('user', text('one')),
  message('assistant', call('a')),
  message('tool', result('a')),
  message('assistant', text('done')),
  message('user', text('two')),
  message('assistant', call('b'), call('c')),
  message('tool', result('b')),
  message('tool', result('c')),
  message('assistant', text('done')),
].map((item, index) => ({ n: index + 1, message: { ...item, id: `m${index + 1}` } }));

function windowOf(limits: WindowLimits, messages: readonly StoredMessage[] = thread): HistoryWindow {
  const window = createWindow(limits);
  let looked = 0;
  for (const stored of messages.toReversed()) {
    looked += 1;
    if (!window.add(stored)) break;
  }
  return window.finish(looked < messages.length);
}
const numbers = (window: HistoryWindow): number[] => window.messages.map(({ n }) => n);
const bytesFrom = (n: number): number =>
  thread.slice(n - 1).reduce((sum, stored) => sum + Buffer.byteLength(JSON.stringify(stored.message)), 0);

describe('the window of a history', () => {
  it('SES-3: holds everything that fits, and says that nothing is missing', () => {
    expect(windowOf({})).toEqual({ messages: thread, truncated: false });
    expect(windowOf({ turns: 2 })).toEqual({ messages: thread, truncated: false });
    expect(windowOf({ bytes: bytesFrom(1) })).toEqual({ messages: thread, truncated: false });
    expect(windowOf({}, [])).toEqual({ messages: [], truncated: false });
  });

  it("SES-3: counts turns by the user's messages", () => {
    expect(numbers(windowOf({ turns: 1 }))).toEqual([5, 6, 7, 8, 9]);
    expect(windowOf({ turns: 1 }).truncated).toBe(true);
    expect(windowOf({ turns: 0 })).toEqual({ messages: [], truncated: true });
  });

  it('SES-3: opens at a call or after its results, at whatever byte the limit falls', () => {
    const openings = new Set<number>();
    const orphans: string[] = [];
    for (let bytes = 0; bytes <= bytesFrom(1); bytes += 1) {
      const window = windowOf({ bytes });
      const calls = new Set<string>();
      for (const { message: stored } of window.messages) {
        for (const part of stored.content) {
          if (part.type === 'tool-call') calls.add(part.callId);
          if (part.type === 'tool-result' && !calls.has(part.callId)) orphans.push(part.callId);
        }
      }
      openings.add(window.messages[0]?.n ?? 10);
    }

    expect(orphans).toEqual([]);
    expect([...openings].toSorted((a, b) => a - b)).toEqual([1, 2, 4, 5, 6, 9, 10]);
  });

  it('SES-3: leaves out an exchange that does not fit, and says so', () => {
    expect(windowOf({ bytes: bytesFrom(7) })).toEqual({ messages: thread.slice(8), truncated: true });
  });

  it('SES-3: a message that came between two results opens no window there', () => {
    const steered = [...thread.slice(0, 7), { ...thread[4]!, n: 8 }, { ...thread[7]!, n: 9 }];

    expect(numbers(windowOf({ turns: 1 }, steered))).toEqual([5, 6, 7, 8, 9]);
  });

  it('SES-3: keeps a call whose result has not come', () => {
    expect(numbers(windowOf({ turns: 1 }, thread.slice(0, 7)))).toEqual([5, 6, 7]);
  });

  it('SES-3: takes a call that the provider ran itself with its result in one message', () => {
    const own: StoredMessage = { n: 10, message: { ...message('assistant', call('p'), result('p')), id: 'm10' } };

    expect(numbers(windowOf({ bytes: 400 }, [...thread, own])).at(-1)).toBe(10);
  });

  it('SES-3: counts tokens as the caller does, newest first, and no more than it needs', () => {
    const counted: string[] = [];
    const countTokens = ({ id }: Message): number => {
      counted.push(id);
      return 10;
    };

    expect(numbers(windowOf({ tokens: 29, countTokens }))).toEqual([9]);
    expect(counted).toEqual(['m9', 'm8', 'm7']);
    expect(numbers(windowOf({ tokens: 50, countTokens }))).toEqual([5, 6, 7, 8, 9]);
    expect(windowOf({ tokens: 90, countTokens })).toEqual({ messages: thread, truncated: false });
    expect(windowOf({ tokens: 0, countTokens })).toEqual({ messages: [], truncated: true });
  });

  it('SES-3: a window of tokens never opens inside a tool exchange, at whatever token the limit falls', () => {
    const openings = new Set<number>();
    for (let tokens = 0; tokens <= 9; tokens += 1)
      openings.add(windowOf({ tokens, countTokens: () => 1 }).messages[0]?.n ?? 10);
    expect([...openings].toSorted((a, b) => a - b)).toEqual([1, 2, 4, 5, 6, 9, 10]);
  });

  it('SES-3: a count that is no number is an error, not a window without a limit', () => {
    for (const count of [Number.NaN, -1, undefined as unknown as number])
      expect(() => windowOf({ tokens: 10, countTokens: () => count })).toThrow(TypeError);
    expect(() => createWindow({ tokens: 10 })).toThrow(TypeError);
    expect(() => createWindow({ tokens: Number.NaN, countTokens: () => 1 })).toThrow(TypeError);
  });

  it('refuses a limit that is not one', () => {
    expect(() => createWindow({ turns: Number.NaN })).toThrow(TypeError);
    expect(() => createWindow({ bytes: -1 })).toThrow(TypeError);
  });
});
