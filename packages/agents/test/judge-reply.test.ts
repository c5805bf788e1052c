import { PrusikError, type MessagePart } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { admitCalls, judge, throwsAway, type Admission } from '../src/judge-reply.ts';
import type { ModelReply } from '../src/model-call.ts';
import { TRANSIENT } from '../src/model-class.ts';

const text = (said: string): MessagePart => ({ type: 'text', text: said });
const call = (callId: string, tool = 'look'): MessagePart => ({ type: 'tool-call', callId, tool, input: {} });
const reply = (parts: readonly MessagePart[], more: Partial<ModelReply> = {}): ModelReply => ({
  parts,
  malformed: new Set(),
  usage: {},
  finish: 'stop',
  response: {},
  warnings: [],
  ...more,
});
const admission = (more: Partial<Admission> = {}): Admission => ({
  tools: new Map([
    ['look', {}],
    ['hide', {}],
  ]),
  offered: new Set(['look']),
  usedIds: new Set(),
  room: 10,
  lastStep: false,
  newId: (n) => `new${n}`,
  ...more,
});
const refusals = (admitted: ReturnType<typeof admitCalls>) =>
  admitted.calls.map(({ refusal }) => (refusal?.type === 'error' ? refusal.code : undefined));

describe('AGT-5: what a reply comes to is a pure decision', () => {
  it.each<[string, ModelReply['finish'], readonly MessagePart[], boolean, string]>([
    ['text', 'stop', [text('Hi')], false, 'answer'],
    ['text for a schema', 'stop', [text('{}')], true, 'check-output'],
    ['nothing', 'stop', [], false, 'empty'],
    ['blank text', 'stop', [text(' \n')], true, 'empty'],
    ['only a file', 'stop', [{ type: 'file', mediaType: 'image/png', data: { base64: '' } }], false, 'answer'],
    ['text at the output limit', 'length', [text('Hal')], false, 'truncated'],
    ['only thoughts at the output limit', 'length', [{ type: 'reasoning', text: 'hm' }], false, 'truncated'],
    ['text with an end that the provider does not name', 'other', [text('Hi')], false, 'answer'],
    ['filtered text', 'content-filter', [text('I')], false, 'filtered'],
    ['text before a failure', 'failed', [text('I')], false, 'failed'],
  ])('%s', (_, finish, parts, hasSchema, verdict) => {
    expect(judge(finish, parts, [], [], hasSchema)).toBe(verdict);
  });

  it('runs what is planned, and lets the model read what was refused', () => {
    const planned = [{ callId: 'c', tool: 'look' }];
    const refused = [{ type: 'tool-result', callId: 'd', tool: 'x', output: { type: 'denied' } }] as const;

    expect(judge('stop', [], planned, refused, true)).toBe('call-tools');
    expect(judge('length', [], [], refused, true)).toBe('refused');
  });

  it.each([
    ['length', 'TOOL_CALL_TRUNCATED'],
    ['other', 'TOOL_CALL_INCOMPLETE'],
    ['stop', undefined],
    ['tool-calls', undefined],
  ] as const)('admits a call of a reply that ended with %s: %s', (finish, code) => {
    expect(refusals(admitCalls(reply([call('a')], { finish }), admission()))).toEqual([code]);
  });

  it('counts the room in call order, and refused calls take none', () => {
    const parts = [call('a', 'fly'), call('b'), call('c'), call('d'), call('e', 'hide')];

    expect(refusals(admitCalls(reply(parts, { malformed: new Set([1]) }), admission({ room: 1 })))).toEqual([
      'TOOL_UNKNOWN',
      'TOOL_INPUT_INVALID',
      undefined,
      'AGENT_TOOL_CALL_LIMIT',
      'TOOL_NOT_OFFERED',
    ]);
  });

  it('SES-5: replaces ids that are taken or unfit, and leaves calls of the provider alone', () => {
    const theirs: MessagePart = { type: 'tool-call', callId: 'a', tool: 's', input: {}, providerExecuted: true };
    const { parts, calls } = admitCalls(
      reply([call('a'), call('b'), call('b'), call('x y'), theirs]),
      admission({ usedIds: new Set(['a']) }),
    );

    expect(calls.map(({ part }) => part.callId)).toEqual(['new0', 'b', 'new2', 'new3']);
    expect(parts.at(-1)).toBe(theirs);
  });

  it('keeps only what was said of a reply that failed or was withheld', () => {
    for (const finish of ['failed', 'content-filter'] as const)
      expect(admitCalls(reply([text('So'), call('a')], { finish }), admission())).toEqual({
        parts: [text('So')],
        calls: [],
      });
  });

  it('AGT-8: throws a failure that is tried again, or that left nothing to keep', () => {
    const meta = { class: 'timeout' };
    const passing = new PrusikError('MODEL_STALLED', 'x', { retryable: true, meta });
    const refused = new PrusikError('MODEL_CALL_FAILED', 'x', { retryable: true, meta: { ...meta, retryAfterMs: 0 } });
    const final = new PrusikError('MODEL_CALL_FAILED', 'x');
    const said = [text('Half')];

    expect(throwsAway(reply(said, { error: passing }), true, TRANSIENT)).toBe(true);
    expect(throwsAway(reply(said, { error: passing }), true, [])).toBe(false);
    expect(throwsAway(reply([], { error: passing }), true, [])).toBe(true);
    expect(throwsAway(reply(said, { error: passing }), false, TRANSIENT)).toBe(false);
    expect(throwsAway(reply(said, { error: refused }), false, TRANSIENT)).toBe(true);
    expect(throwsAway(reply(said, { error: final }), true, TRANSIENT)).toBe(false);
    expect(throwsAway(reply([], { error: final }), false, TRANSIENT)).toBe(true);
    expect(throwsAway(reply(said), true, TRANSIENT)).toBe(false);
  });
});
