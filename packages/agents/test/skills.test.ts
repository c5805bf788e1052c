import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { JsonObject } from '@prusik/core';
import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, skill, skillMounts, SKILL_LIMITS } from '../src/index.ts';
import { newEngine, newStore, resultsOf } from './support.ts';

const HEAD = '---\nname: pdf-forms\ndescription: Fills in PDF forms. Use it when a form has to be filled in.\n---\n';

/** A folder of that name with these files. */
async function folderOf(files: Readonly<Record<string, string | Buffer>>, name = 'pdf-forms'): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'skills-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  const folder = join(parent, name);
  await mkdir(folder);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

describe('AGT-12: a folder in the Agent Skills format', () => {
  it('says its name, its description and its files, by a path or a URL, and what of it has no effect', async () => {
    const folder = await folderOf({
      'SKILL.md': `---
# for people
name: pdf-forms
description: >-
  Fills in PDF forms.

  Use it when a form: has to be filled in.
license: "MIT"
compatibility: Needs pdftk   # a command
metadata:
  author: 'Ada''s team'
  version: "1.0"
allowed-tools: Bash(pdftk:*) Read
tags: [forms, 'pdf']
hooks:
  - one
  - two
---
Do it.`,
      'references/fields.md': 'Fields.',
      'scripts/fill.py': 'print()',
    });

    const found = skill(pathToFileURL(`${folder}/`));

    expect(found).toMatchObject({
      name: 'pdf-forms',
      description: 'Fills in PDF forms. Use it when a form: has to be filled in.',
      license: 'MIT',
      compatibility: 'Needs pdftk',
      metadata: { author: "Ada's team", version: '1.0' },
      ignored: ['allowed-tools', 'tags', 'hooks'],
      requires: [],
    });
    expect(found.files.map(({ path }) => path)).toEqual(['SKILL.md', 'references/fields.md', 'scripts/fill.py']);
    expect(skill(folder).hash).toBe(found.hash);
  });

  it.each([
    ['no front matter', 'Do it.', 'must begin with front matter'],
    ['front matter without an end', '---\nname: pdf-forms\n', 'has no end'],
    ['a name that is not lower-case', HEAD.replace('pdf-forms', 'PDF-Forms'), 'lower-case letters and digits'],
    ['a name with two hyphens in a row', HEAD.replace('pdf-forms', 'pdf--forms'), 'single hyphens'],
    ['a name that is not the folder’s', HEAD.replace('pdf-forms', 'pdf'), 'name is pdf, its folder pdf-forms'],
    ['no name', '---\ndescription: x\n---\n', 'name must be a text'],
    ['no description', '---\nname: pdf-forms\ndescription:\n---\n', 'description must be a text'],
    ['a long description', HEAD.replace('Fills', 'x'.repeat(1_024)), 'description has 10'],
    ['a long compatibility', HEAD.replace('\n---\n', `\ncompatibility: ${'x'.repeat(501)}\n---\n`), '500 are the most'],
    ['metadata that is no map', HEAD.replace('\n---\n', '\nmetadata: x\n---\n'), 'metadata must be names with texts'],
    ['a field twice', HEAD.replace('\n---\n', '\nname: x\n---\n'), 'line 4: name is there twice'],
    ['a tab and a deeper level', HEAD.replace('\n---\n', '\nmetadata:\n  a: 1\n\tb: 2\n---\n'), 'line 6'],
    ['a line that is no field', HEAD.replace('\n---\n', '\nFills forms\n---\n'), 'line 4: expected "name: text"'],
    ['quotes without an end', HEAD.replace('Fills', '"Fills'), 'line 3: the text in quotes does not end'],
    ['an alias of YAML', HEAD.replace('Fills', '*other'), 'line 3: a text that begins with "*"'],
    ['an object in braces', HEAD.replace('\n---\n', '\nmetadata: { a: 1 }\n---\n'), 'line 4'],
  ])('refuses %s, and says where', async (_what, source, said) => {
    const folder = await folderOf({ 'SKILL.md': source });

    expect(() => skill(folder)).toThrow(
      expect.objectContaining({ code: 'SKILL_INVALID', message: expect.stringContaining(said) }),
    );
  });

  it('refuses a folder without SKILL.md, none at all, and everything that is too large or leads out, all at once', async () => {
    const empty = await folderOf({ 'skill.txt': '' });
    const long = await folderOf({ 'SKILL.md': `${HEAD}${'x'.repeat(SKILL_LIMITS.instructions)}` });
    const linked = await folderOf({ 'SKILL.md': HEAD.replace('pdf-forms', 'Wrong') });
    await symlink('/etc/passwd', join(linked, 'secrets.txt'));
    await symlink('/etc', join(linked, 'etc'));
    const deep = await folderOf({ 'SKILL.md': HEAD, [`${'a/'.repeat(9)}b.md`]: '' });

    expect(() => skill(empty)).toThrow('there is no file SKILL.md');
    expect(() => skill(join(empty, 'gone'))).toThrow(expect.objectContaining({ code: 'SKILL_INVALID' }));
    expect(() => skill(long)).toThrow('131072 are the most');
    expect(() => skill(linked)).toThrow(/etc is a link.*; secrets\.txt is a link.*; name must be lower-case/);
    expect(() => skill(deep)).toThrow('deeper than 8 levels');
  });

  it('shares one name space with tools, and a set of skills is bounded', async () => {
    const found = skill(await folderOf({ 'SKILL.md': HEAD }));
    const tool = (name: string) => defineTool({ name, description: '', input: z.object({}), execute: () => 1 });
    const define = (more: object) => () =>
      defineAgent({ name: 'a', instructions: '', model: scriptedModel([]), ...more });

    expect(define({ skills: [found], tools: [tool('pdf-forms')] })).toThrow('a tool and a skill are named pdf-forms');
    expect(define({ skills: [found], tools: [tool('read_skill')] })).toThrow(
      'a tool and a built-in tool are named read_skill',
    );
    expect(define({ skills: [found, found] })).toThrow('two skills are named pdf-forms');
    const many = Array.from({ length: 65 }, (_, n) => ({ ...found, name: `s-${n}` }));
    expect(define({ skills: many })).toThrow('it has 65 skills; 64 are the most');
    expect(define({ tools: [tool('read_skill')] })).not.toThrow();
  });
});

describe('AGT-12: an agent with skills', () => {
  /** What each read of a script of reads was told. */
  async function reading(folder: string, reads: readonly JsonObject[], more: object = {}) {
    const model = scriptedModel([reads.map((input) => ({ call: 'read_skill', input })), 'Done.']);
    const store = newStore();
    const agent = defineAgent({ name: 'a', instructions: 'Be brief.', model, skills: [skill(folder, more)] });
    const result = await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });
    expect(result).toMatchObject({ status: 'completed' });
    // They come as the reads end, which is in no order; ids are in the order of the calls.
    const told = Object.entries(await resultsOf(store, 'r')) as [string, { text: string; code?: string }][];
    const inOrder = told.toSorted(([one], [other]) => one.localeCompare(other, 'en', { numeric: true }));
    return { model, results: inOrder.map(([, answer]) => answer) };
  }

  it('sees names and descriptions in every step, the same each time, and reads instructions and files on demand', async () => {
    const folder = await folderOf({
      'SKILL.md': `${HEAD}Fill it in. See references/fields.md.`,
      'references/fields.md': 'F1: name',
    });

    const { model, results } = await reading(folder, [
      { skill: 'pdf-forms' },
      { skill: 'pdf-forms', file: 'references/fields.md' },
    ]);

    const systems = model.requests.map(({ prompt }) => JSON.stringify(prompt[0]));
    expect(systems[0]).toContain('Be brief.\\n\\n# Skills');
    expect(systems[0]).toContain('- pdf-forms: Fills in PDF forms. Use it when');
    expect(systems[0]).not.toContain('Fill it in.');
    expect(systems[1]).toBe(systems[0]);
    expect(results[0]?.text).toMatch(/^Fill it in\. See references\/fields\.md\.\n\nFiles of this skill:\n- SKILL\.md/);
    expect(results[1]?.text).toBe('F1: name');
  });

  it('reads nothing but the files that were there, and no link that came later', async () => {
    const folder = await folderOf({
      'SKILL.md': `${HEAD}x`,
      'a.md': 'a',
      'b/c.md': 'c',
      'pic.bin': Buffer.from([1, 0, 2]),
    });
    const model = scriptedModel([
      ['../../etc/passwd', '/etc/passwd', 'new.md', 'a.md', 'b/c.md', 'pic.bin'].map((file) => ({
        call: 'read_skill',
        input: { skill: 'pdf-forms', file },
      })),
      'Done.',
    ]);
    const store = newStore();
    const agent = defineAgent({ name: 'a', instructions: '', model, skills: [skill(folder)] });
    await writeFile(join(folder, 'new.md'), 'new');
    await rm(join(folder, 'a.md'));
    await symlink('/etc/hostname', join(folder, 'a.md'));
    const outside = await folderOf({ 'c.md': 'outside' }, 'outside');
    await rm(join(folder, 'b'), { recursive: true });
    await symlink(outside, join(folder, 'b'));

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    const codes = (Object.values(await resultsOf(store, 'r')) as { code: string }[]).map(({ code }) => code);
    expect(codes).toEqual([
      'SKILL_FILE_UNKNOWN',
      'SKILL_FILE_UNKNOWN',
      'SKILL_FILE_UNKNOWN',
      'SKILL_FILE_UNAVAILABLE',
      'SKILL_FILE_UNAVAILABLE',
      'SKILL_FILE_NOT_TEXT',
    ]);
  });

  it('reads a long file in parts of whole characters, of which nothing is lost', async () => {
    const long = '😀 añ𐍈\n'.repeat(8_000);
    const folder = await folderOf({ 'SKILL.md': `${HEAD}x`, 'long.md': long });
    let whole = '';
    let offset: number | undefined = 0;
    let reads = 0;

    while (offset !== undefined) {
      const { results } = await reading(folder, [{ skill: 'pdf-forms', file: 'long.md', offset }]);
      const text: string = results[0]?.text ?? '';
      const more = /\n\[… \d+ bytes more; go on at offset (\d+) …\]$/.exec(text);
      whole += more === null ? text : text.slice(0, more.index);
      offset = more === null ? undefined : Number(more[1]);
      reads += 1;
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(51_200);
    }

    expect(whole).toBe(long);
    expect(reads).toBe(Math.ceil(Buffer.byteLength(long) / 49_152));
    const { results } = await reading(folder, [
      { skill: 'pdf-forms', file: 'long.md', offset: 10_000_000 },
      { skill: 'other' },
    ]);
    expect(results.map(({ code }) => code)).toEqual(['SKILL_FILE_UNKNOWN', 'TOOL_INPUT_INVALID']);
  });

  it('is told where commands find the folder when it is mounted, and gets no tool by what the skill allows', async () => {
    const folder = await folderOf({
      'SKILL.md': `${HEAD.replace('\n---\n', '\nallowed-tools: Bash\n---\n')}Run scripts/fill.py.`,
      'scripts/fill.py': '',
    });
    const mounted = skill(folder, { mount: true });

    const { model, results } = await reading(folder, [{ skill: 'pdf-forms' }], { mount: true });

    expect(skillMounts([mounted, skill(folder)])).toEqual([{ source: mounted.folder, target: '/skills/pdf-forms' }]);
    expect(mounted).toMatchObject({ requires: ['sandbox'], ignored: ['allowed-tools'] });
    expect(results[0]?.text).toContain('Commands find the files of this skill in /skills/pdf-forms.');
    expect(model.requests[0]?.tools?.map(({ name }) => name)).toEqual(['read_skill']);
  });

  it('AGT-11: still reads its skills where a step offers no other tool', async () => {
    const folder = await folderOf({ 'SKILL.md': `${HEAD}Fill it in.` });
    const model = scriptedModel(['Done.']);
    const tool = defineTool({ name: 'act', description: '', input: z.object({}), execute: () => 1 });
    const agent = defineAgent({
      name: 'a',
      instructions: () => 'Be brief.',
      model,
      tools: [tool],
      skills: [skill(folder)],
      activeTools: () => [],
    });

    await newEngine([agent]).run('a', 'Go', { id: 'r' });

    expect(model.requests[0]?.tools?.map(({ name }) => name)).toEqual(['read_skill']);
    expect(JSON.stringify(model.requests[0]?.prompt[0])).toContain('Be brief.\\n\\n# Skills');
  });
});
