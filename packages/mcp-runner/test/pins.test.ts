import type { JsonObject } from '@prusik/core';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filePins, memoryPins, type ToolPins } from '../src/pins.ts';
import { toolChanges } from '../src/tool-changes.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pins-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const path = (): string => join(folder, 'mcp-pins.json');
const pins: ToolPins = { b: { name: 'b', inputSchema: { type: 'object' } }, a: { name: 'a', description: 'x' } };

describe('MCP-3: pins', () => {
  it.each([
    ['memory', memoryPins],
    ['a file', () => filePins(path())],
  ])('MCP-3: in %s are what was kept of each server', async (_, make) => {
    const store = make();
    expect(await store.get('fs')).toEqual({});

    await store.set('fs', pins);
    await Promise.all(['one', 'two', 'three'].map((server) => store.set(server, { [server]: { name: server } })));
    await store.set('one', {});

    expect(await store.get('fs')).toEqual(pins);
    expect(await store.get('two')).toEqual({ two: { name: 'two' } });
    expect(await store.get('one')).toEqual({});
    expect(await store.get('constructor')).toEqual({});
  });

  it('MCP-3: in a file last, and are a text that is compared line by line', async () => {
    await filePins(path()).set('z', {});
    await filePins(path()).set('fs', pins);
    const text = await readFile(path(), 'utf8');

    expect(await filePins(path()).get('fs')).toEqual(pins);
    expect(text.match(/"(?:fs|z|a|b)":/g)).toEqual(['"fs":', '"a":', '"b":', '"z":']);
    expect(text.endsWith('}\n')).toBe(true);
    expect(await readdir(folder)).toEqual(['mcp-pins.json']);
  });

  it('MCP-3: in a file that begins with a mark, as editors write it, are pins', async () => {
    await filePins(path()).set('fs', pins);
    await writeFile(path(), `\ufeff${await readFile(path(), 'utf8')}`);

    expect(await filePins(path()).get('fs')).toEqual(pins);
  });

  it('MCP-3: of several stores of one file in a program are all kept', async () => {
    const servers = Array.from({ length: 20 }, (_, index) => `s${index}`);

    await Promise.all(servers.map((server) => filePins(path()).set(server, pins)));

    for (const server of servers) expect(await filePins(path()).get(server)).toEqual(pins);
  });

  it('MCP-3: that cannot be written are told by a code that says where, and nothing is left beside', async () => {
    const into = join(folder, 'there', 'pins.json');
    const store = filePins(into);
    await writeFile(join(folder, 'there'), '');

    await expect(store.set('fs', pins)).rejects.toMatchObject({ code: 'MCP_PINS_UNREADABLE' });
    await expect(filePins('/proc/pins.json').set('fs', pins)).rejects.toMatchObject({
      code: 'MCP_PINS_UNWRITABLE',
      message: expect.stringContaining('/proc/pins.json'),
    });
    expect(await readdir(folder)).toEqual(['there']);
  });

  it.each([
    ['half a file', '{"servers":{'],
    ['nothing', ''],
    ['a file of a later version', '{"version":2,"servers":{}}'],
    ['another file', '{"name":"x"}'],
    ['pins that are none', '{"servers":{"fs":{"a":1}}}'],
    ['a definition that was changed by hand', '{"servers":{"fs":{"a":{"hash":"sha256:0","definition":{"name":"a"}}}}}'],
  ])('MCP-3: %s is no pins, for reading and for writing, and stays as it is', async (_, text) => {
    await writeFile(path(), text);
    const store = filePins(path());

    await expect(store.get('fs')).rejects.toMatchObject({ code: 'MCP_PINS_UNREADABLE' });
    await expect(store.set('fs', pins)).rejects.toMatchObject({ code: 'MCP_PINS_UNREADABLE' });
    expect(await readFile(path(), 'utf8')).toBe(text);
  });
});

describe('MCP-3: what a person is shown of a change', () => {
  const before: JsonObject = {
    name: 'pay',
    description: 'Pays.\nOnce.',
    inputSchema: { type: 'object', required: ['to', 'sum'] },
  };

  it('MCP-3: is what went, what came and what stands around it', () => {
    const now = { ...before, description: 'Pays.\nAlways.', inputSchema: { type: 'object', required: ['to'] } };

    const [change, ...others] = toolChanges('bank', { pay: before }, new Map<string, JsonObject>([['pay', now]]));

    expect(others).toEqual([]);
    expect(change).toMatchObject({ server: 'bank', tool: 'pay', change: 'changed', definition: now });
    expect(change?.diff.split('\n')).toEqual([
      '  description: Pays.',
      '- description: Once.',
      '+ description: Always.',
      '  inputSchema.required.0: to',
      '- inputSchema.required.1: sum',
      '  inputSchema.type: object',
      '  name: pay',
    ]);
  });

  it('MCP-3: names what is new and what is gone, and nothing that is the same', () => {
    const same = { inputSchema: { required: ['to', 'sum'], type: 'object' }, description: 'Pays.\nOnce.', name: 'pay' };

    const changes = toolChanges(
      'bank',
      { pay: before, old: { name: 'old' } },
      new Map<string, JsonObject>([
        ['pay', same],
        ['new', { name: 'new' }],
      ]),
    );

    expect(changes.map(({ tool, change, diff }) => [tool, change, diff])).toEqual([
      ['new', 'new', '+ name: new'],
      ['old', 'removed', '- name: old'],
    ]);
  });

  it('MCP-3: writes out what nobody would see', () => {
    const [change] = toolChanges(
      'bank',
      { pay: before },
      new Map<string, JsonObject>([['pay', { ...before, description: 'Pays.\u200b\nOnce.\u{e0041}' }]]),
    );

    expect(change?.diff).toContain('+ description: Pays.\\u{200b}\n+ description: Once.\\u{e0041}');
  });

  it('I9: is done in bounded time, however much has changed', () => {
    const long = (word: string): JsonObject => ({
      name: 'x',
      description: Array.from({ length: 8_000 }, (_, n) => `${word}${n}`).join('\n'),
    });

    const [change] = toolChanges('s', { x: long('a') }, new Map<string, JsonObject>([['x', long('b')]]));

    expect(change?.diff.split('\n').length).toBeLessThan(16_010);
  });
});
