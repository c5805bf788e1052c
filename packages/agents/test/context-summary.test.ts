import type { Message } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { idsIn, summaryText, transcriptOf } from '../src/context-summary.ts';

const say = (text: string, kind: 'user' | 'assistant' | 'summary' = 'user'): Message => ({
  v: 1,
  id: `m-${text.slice(0, 8)}`,
  role: kind === 'assistant' ? 'assistant' : 'user',
  kind,
  content: [{ type: 'text', text }],
});
const uuid = (n: number): string => `0193f1a2-0000-7000-8000-${String(n).padStart(12, '0')}`;
const blob = `sha256:${'ab'.repeat(32)}`;

describe('ids', () => {
  it('AGT-9: of runs and blobs are found wherever they are named, each once, the newest last', () => {
    const result: Message = {
      v: 1,
      id: 'r',
      role: 'tool',
      kind: 'tool',
      content: [
        {
          type: 'tool-result',
          callId: 'c',
          tool: 'ask',
          output: { type: 'json', value: { child: uuid(2), out: [{ blob }] } },
          provider: { provider: 'p', data: { signature: uuid(9) } },
        },
      ],
    };
    const file: Message = {
      ...say('see'),
      content: [{ type: 'file', mediaType: 'image/png', data: { blob: `sha256:${'cd'.repeat(32)}` } }],
    };

    expect(idsIn([say(`run ${uuid(1)} of ${uuid(2)}`), result, file, say(`again ${uuid(1)}`)])).toEqual([
      uuid(2),
      blob,
      `sha256:${'cd'.repeat(32)}`,
      uuid(1),
    ]);
  });

  it('AGT-9, I9: of too many the newest are kept', () => {
    const ids = idsIn([say(Array.from({ length: 300 }, (_, n) => uuid(n)).join(' '))]);

    expect(ids).toHaveLength(100);
    expect(ids.at(-1)).toBe(uuid(299));
  });
});

describe('a summary', () => {
  it('AGT-9: gets the ids that it dropped, and none that it names or that stand in view', () => {
    const text = summaryText({
      text: `They asked about ${uuid(1)}.`,
      maxChars: 1_000,
      covered: [say(`${uuid(1)} ${uuid(2)} ${uuid(3)}`)],
      kept: [say(`still here: ${uuid(3)}`)],
    });

    expect(text).toContain(`Ids that were named: ${uuid(2)}`);
    expect(text.split(uuid(1))).toHaveLength(2);
    expect(text).not.toContain(uuid(3));
  });

  it('AGT-9: keeps ids over several summaries', () => {
    const first = summaryText({ text: 'one', maxChars: 100, covered: [say(uuid(1))], kept: [] });
    const second = summaryText({
      text: 'two',
      maxChars: 100,
      covered: [say(first, 'summary'), say(uuid(2))],
      kept: [],
    });

    expect(second).toContain(`${uuid(1)}, ${uuid(2)}`);
  });

  it('AGT-9: is as long as it may be, whoever wrote it, and an id in what was cut is added', () => {
    const text = summaryText({
      text: `${'rope '.repeat(500)}${uuid(1)}${' rope'.repeat(500)}`,
      maxChars: 200,
      covered: [say(uuid(1))],
      kept: [],
    });

    expect(text.length).toBeLessThan(450);
    expect(text).toContain(`Ids that were named: ${uuid(1)}`);
  });

  it('AGT-9: says what is to do as it was noted, within a bound', () => {
    const todo = { open: ['rope', 'chalk'] };
    const summary = (data: object) =>
      summaryText({ text: 's', maxChars: 10, covered: [say('x')], kept: [], todo: data as never });

    expect(summary(todo)).toContain(JSON.stringify(todo));
    expect(summary({ open: 'x'.repeat(20_000) }).length).toBeLessThan(4_300);
  });
});

describe('what whoever summarises is shown', () => {
  it('AGT-9: is who said what, with calls and results cut to what a summary needs, and without thoughts', () => {
    const thread: readonly Message[] = [
      say('Climb the north face'),
      {
        ...say('x', 'assistant'),
        content: [
          { type: 'reasoning', text: 'a secret thought' },
          { type: 'text', text: 'I will look.' },
          { type: 'tool-call', callId: 'c1', tool: 'look', input: { at: 'north' } },
        ],
      },
      {
        v: 1,
        id: 'r',
        role: 'tool',
        kind: 'tool',
        content: [
          { type: 'tool-result', callId: 'c1', tool: 'look', output: { type: 'text', text: 'ice '.repeat(5_000) } },
        ],
      },
    ];
    const text = transcriptOf(thread, 100_000);

    expect(text).toContain('[user]\nClimb the north face');
    expect(text).toContain('[assistant]\nI will look.\ncalls look (c1): {"at":"north"}');
    expect(text).toContain('result of look (c1)');
    expect(text).not.toContain('secret');
    expect(text.length).toBeLessThan(2_500);
  });

  it('AGT-9: is no longer than it may be, and says what is missing', () => {
    const text = transcriptOf([say('a'.repeat(5_000)), say('b'.repeat(5_000))], 1_000);

    expect(text.length).toBeLessThan(1_100);
    expect(text).toContain('characters left out');
  });
});
