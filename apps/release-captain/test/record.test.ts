import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { listArtifacts } from '@prusik/core';
import type { Flow } from '@prusik/records';
import { sqliteStore } from '@prusik/store-sqlite';
import { Window } from 'happy-dom';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cli, complaints } from './cli-process.ts';
import { createFixture, temporaryFolder, type Fixture } from './git-fixture.ts';

interface Drawn {
  getVertices(): Map<string, { readonly text: string }>;
  getSubGraphs(): readonly { readonly title: string }[];
}

let read: (text: string) => Promise<Drawn>;

beforeAll(async () => {
  // Before Mermaid is imported, since it looks for a document once.
  const window = new Window();
  Object.assign(globalThis, { window, document: window.document });
  const { default: mermaid } = await import('mermaid');
  read = async (text) => {
    await mermaid.parse(text);
    return (await mermaid.mermaidAPI.getDiagramFromText(text)).db as unknown as Drawn;
  };
});

describe('the record of a release', { timeout: 60_000 }, () => {
  let repository: Fixture;
  let out: string;
  let place: string;
  beforeEach(() => {
    repository = createFixture();
    repository.commit('feat: begin', { 'package.json': '{}', 'src/a.ts': 'a\n' });
    repository.sh('tag', 'v1.0.0');
    repository.commit('feat: a secret plan\n\nWith a body that nobody cites.', { 'src/b.ts': 'b\n' });
    place = temporaryFolder();
    out = join(place, 'out');
  });
  afterEach(() => {
    repository[Symbol.dispose]();
    rmSync(place, { recursive: true, force: true });
  });
  const release = (...more: readonly string[]) =>
    cli(place, '--repo', repository.folder, '--out', 'out', '--run-id', 'r', '--yes', ...more);
  const file = (name: string): string => readFileSync(join(out, name), 'utf8');

  it('REC-2: lies beside the notes, as data and as a diagram that Mermaid reads, and tells no more than they do', async () => {
    const result = await release();

    expect(complaints(result)).toEqual([]);
    const record = JSON.parse(file('run.json')) as {
      readonly run: unknown;
      readonly notes: { readonly bytes: number };
      readonly flow: Flow;
    };
    expect(record.run).toMatchObject({ id: 'r', definition: 'release', status: 'completed' });
    expect(record.notes.bytes).toBe(Buffer.byteLength(file('RELEASE_NOTES.md')));
    expect(record.flow.runs.map(({ definition }) => definition)).toEqual(['release', 'historian', 'writer']);
    expect(record.flow.runs[0]?.nodes).toContainEqual(expect.objectContaining({ key: 'snapshot', state: 'completed' }));
    const approval = record.flow.runs
      .flatMap(({ nodes }) => nodes)
      .find((node) => node.type === 'wait' && node.kind === 'request');
    expect(approval).toMatchObject({ request: { kind: 'approval', status: 'approved', by: '--yes' } });
    for (const text of [file('run.json'), file('flow.mmd')])
      for (const content of ['secret plan', 'nobody cites', repository.folder, place])
        expect(text).not.toContain(content);

    const drawn = await read(file('flow.mmd'));
    expect(drawn.getSubGraphs()).toHaveLength(record.flow.runs.length);
    expect([...drawn.getVertices().values()].map(({ text }) => text.replace(/,.*/, ''))).toContain('step snapshot');
  });

  it('REC-5: the notes that were published are an artifact of the run', async () => {
    await release();
    await using store = sqliteStore({ path: join(out, '.release-captain', 'runs.db'), mode: 'existing' });

    const artifacts = await listArtifacts(store, { tenant: 'default', run: 'r' });

    expect(artifacts).toMatchObject([{ name: 'RELEASE_NOTES.md', type: 'text/markdown', definition: 'release' }]);
    expect((await buffer(store.readBlob('default', artifacts[0]?.hash ?? ''))).toString()).toBe(
      file('RELEASE_NOTES.md'),
    );
  });

  it('REC-2: replaces its own files alone, and what stands in its way does not stop the notes', async () => {
    mkdirSync(out);
    writeFileSync(join(out, 'run.json'), '{"mine":true}');
    symlinkSync('/nowhere', join(out, 'flow.mmd'));

    const result = await release();

    expect(result.code).toBe(0);
    expect(complaints(result)).toEqual([
      expect.stringContaining('run.json is not ours'),
      expect.stringContaining('flow.mmd is not ours'),
    ]);
    expect(file('run.json')).toBe('{"mine":true}');
    for (const name of ['run.json', 'flow.mmd']) rmSync(join(out, name));
    expect(complaints(await release())).toEqual([]);
    const first = file('run.json');
    expect(complaints(await release())).toEqual([]);
    expect(file('run.json')).toBe(first);
    expect(readdirSync(out).toSorted()).toEqual(['.release-captain', 'RELEASE_NOTES.md', 'flow.mmd', 'run.json']);
  });
});
