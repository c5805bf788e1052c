import type { JsonObject } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { callOutcome } from '../src/call-content.ts';
import { visibleText } from '../src/visible-text.ts';

const outcome = (result: JsonObject, more: { outputSchema?: JsonObject; maxBytes?: number } = {}) =>
  callOutcome(result, { maxBytes: 1_000_000, ...more });
const parts = (...content: readonly JsonObject[]) => outcome({ content }).parts;
const png = Buffer.from('89504e470d0a1a0a', 'hex');

describe('content of a result', () => {
  it('MCP-5: images and sounds become files with their bytes', () => {
    const data = png.toString('base64');

    expect(
      parts({ type: 'image', mimeType: 'image/png', data }, { type: 'audio', mimeType: 'audio/wav; x=1', data }),
    ).toEqual([
      { type: 'file', mediaType: 'image/png', data: png },
      { type: 'file', mediaType: 'audio/wav', data: png },
    ]);
  });

  it('MCP-2: what is not base64, or not of the kind that it says, is left out and told', () => {
    expect(
      parts(
        { type: 'image', mimeType: 'image/png', data: 'not base64!' },
        { type: 'image', mimeType: 'text/html', data: 'AAAA' },
        { type: 'image', mimeType: 'image/x-icon', data: 'AAAA' },
        { type: 'audio', mimeType: '../../etc', data: 'AAAA' },
        { type: 'image', mimeType: 'image/png' },
      ),
    ).toEqual([
      '[a file of type image/png was left out: it is not base64]',
      '[an image of an unknown kind was left out]',
      '[a file of type image/x-icon was left out: 3 bytes]',
      '[an audio of an unknown kind was left out]',
      '[a file of type image/png was left out: it is not base64]',
    ]);
  });

  it('MCP-5: resources are told with where they are from: texts as text, what a model can be shown as a file', () => {
    const blob = Buffer.from('a,b').toString('base64');
    expect(
      parts(
        { type: 'resource', resource: { uri: 'file:///notes.txt', text: 'belay' } },
        { type: 'resource', resource: { uri: 'file:///t.csv', mimeType: 'text/csv', blob } },
        { type: 'resource', resource: { uri: 'file:///a/topo.png?x#y', mimeType: 'image/png', blob } },
        { type: 'resource', resource: { uri: 'file:///a.zip', mimeType: 'application/zip', blob } },
        { type: 'resource_link', uri: 'docs://7', name: 'topo', mimeType: 'image/png', size: 12, description: 'a\nb' },
      ),
    ).toEqual([
      '[resource: file:///notes.txt]\nbelay',
      '[resource: file:///t.csv]',
      'a,b',
      '[resource: file:///a/topo.png?x#y]',
      { type: 'file', mediaType: 'image/png', data: Buffer.from('a,b'), name: 'topo.png' },
      '[resource: file:///a.zip]',
      '[a file of type application/zip was left out: 3 bytes]',
      '[resource: topo, docs://7, image/png, a b, 12 bytes]',
    ]);
  });

  it('MCP-5: what is meant for the user alone is marked', () => {
    expect(
      parts(
        { type: 'text', text: 'look', annotations: { audience: ['user'] } },
        { type: 'text', text: 'both', annotations: { audience: ['user', 'assistant'] } },
      ),
    ).toEqual(['[for the user:]', 'look', 'both']);
  });

  it('MCP-2, I9: no more than 1,000 parts are taken, and the others counted', () => {
    const content = Array.from({ length: 1_007 }, (_, n) => ({ type: 'text', text: `${n}` }));

    expect(parts(...content)).toHaveLength(1_001);
    expect(parts(...content).at(-1)).toBe('[… 7 more parts left out …]');
  });

  it('MCP-2: texts are shown as a model reads them, in whatever part they come', () => {
    const text = 'a\u001b[2J\u202eb';

    expect(parts({ type: 'text', text }, { type: 'resource', resource: { uri: 'x:1', text } })).toEqual([
      'ab',
      '[resource: x:1]\nab',
    ]);
  });

  it('MCP-2: a terminal is not moved, nothing is shown in another order, and nothing is said that nobody sees', () => {
    expect(
      visibleText('\u001b[31mred\u001b[0m \u001b]0;title\u0007x\u0000 a\u202eb\u2066c \u{e0041}\u{e007f}. \ud800'),
    ).toBe('red x\ufffd abc . \ufffd');
    expect(visibleText('tab\there\r\nשלום 👩‍🚀')).toBe('tab\there\r\nשלום 👩‍🚀');
  });
});

describe('data of a result', () => {
  const structuredContent = { height: 8_848, name: 'Everest' };
  const outputSchema = { type: 'object', properties: { height: { type: 'number' } }, required: ['height'] };

  it('MCP-5: data that the texts repeat is the value', () => {
    const content = [{ type: 'text', text: '{"name":"Everest","height":8848}' }];

    expect(outcome({ content, structuredContent }, { outputSchema })).toMatchObject({ value: structuredContent });
    expect(outcome({ content: [], structuredContent }).value).toEqual(structuredContent);
  });

  it('MCP-5: data beside texts that say something else is told after them, once', () => {
    const said = { type: 'text', text: 'It is high.' };

    expect(outcome({ content: [said], structuredContent })).toEqual({
      type: 'outcome',
      parts: ['It is high.', '{"height":8848,"name":"Everest"}'],
    });
    expect(
      outcome({ content: [said, { type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }),
    ).toEqual({
      type: 'outcome',
      parts: ['It is high.', '{"height":8848,"name":"Everest"}'],
    });
  });

  it('MCP-2: data that does not fit the schema of the tool is a failure that says so, with all that was returned', () => {
    expect(outcome({ content: [], structuredContent: { height: 'high' } }, { outputSchema })).toEqual({
      type: 'outcome',
      failed: 'MCP_PROTOCOL_ERROR',
      parts: [
        'The call was executed. What it returned does not fit what the tool says it returns: height expected number, received string',
        '{"height":"high"}',
      ],
    });
  });

  it('MCP-3: `isError` is a failure with what the tool says', () => {
    expect(outcome({ isError: true, content: [{ type: 'text', text: 'no rope' }] })).toEqual({
      type: 'outcome',
      failed: 'MCP_TOOL_ERROR',
      parts: ['no rope'],
    });
    expect(outcome({ isError: true, content: [] }).parts).toEqual(['The tool failed and does not say why.']);
  });

  it('MCP-3, I9: a result past resultBytes is told in place of it, files and data included', () => {
    const data = Buffer.alloc(300).toString('base64');
    const image = { type: 'image', mimeType: 'image/png', data };

    expect(outcome({ content: [image] }, { maxBytes: 300 }).failed).toBeUndefined();
    expect(outcome({ content: [image] }, { maxBytes: 299 })).toEqual({
      type: 'outcome',
      failed: 'MCP_RESULT_TOO_LARGE',
      parts: ['The call was executed. Its result has 300 bytes, and no more than 299 are taken.'],
    });
    expect(outcome({ content: [], structuredContent: { a: 'x'.repeat(300) } }, { maxBytes: 300 }).failed).toBe(
      'MCP_RESULT_TOO_LARGE',
    );
  });
});
