import { describe, expect, it } from 'vitest';
import { modelToolName } from '../src/tool-name.ts';

describe('MCP-3: what a tool is called by', () => {
  it.each([
    ['fs', 'read_file', 'fs_read_file'],
    ['my-server', 'a-b', 'my-server_a-b'],
    ['fs', 'x'.repeat(61), `fs_${'x'.repeat(61)}`],
  ])('MCP-3: %s and %s: a name that providers take stays as it is', (server, tool, name) => {
    expect(modelToolName(server, tool)).toBe(name);
  });

  it.each([
    ['dots', 'a.b'],
    ['slashes', 'admin/delete'],
    ['a space', 'a b'],
    ['other scripts', 'поиск'],
    ['a smile', '🙂'],
    ['a long one', 'x'.repeat(200)],
    ['nothing but signs', '..'],
  ])('MCP-3: a name of %s is made one that providers take, and ends in a mark', (_, tool) => {
    expect(modelToolName('fs', tool)).toMatch(/^fs_[\w-]{0,52}_[0-9a-f]{8}$/);
  });

  it('MCP-3: names that become the same are told apart, whatever other tools there are', () => {
    const names = ['a.b', 'a/b', 'a b', 'a_b', `${'x'.repeat(80)}1`, `${'x'.repeat(80)}2`].map((tool) =>
      modelToolName('fs', tool),
    );

    expect(new Set(names).size).toBe(names.length);
  });

  it('MCP-3: no tool can take the name that another one was given', () => {
    const taken = modelToolName('fs', 'a.b');

    expect(modelToolName('fs', taken.slice('fs_'.length))).not.toBe(taken);
  });

  it('MCP-3: tools of two servers never meet', () => {
    expect(modelToolName('a', 'b_c')).not.toBe(modelToolName('a-b', 'c'));
    expect(modelToolName('a', 'x.y')).not.toBe(modelToolName('b', 'x.y'));
  });
});
