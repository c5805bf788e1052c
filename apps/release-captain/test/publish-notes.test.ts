import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkPublished,
  NOTES_FILE,
  probeOutput,
  publishNotes,
  standingNotes,
  type Receipt,
} from '../src/tools/publish-notes.ts';
import { temporaryFolder } from './git-fixture.ts';

let out = '';
beforeEach(() => {
  out = temporaryFolder();
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

/** Over whatever stands there now. */
async function publish(folder: string, markdown: string): Promise<Receipt> {
  const standing = await standingNotes(folder);
  return publishNotes(folder, { markdown, replaces: standing?.sha256 ?? null }, 'key');
}

describe('publishNotes', () => {
  it('writes the file whole, replaces an older one, and leaves nothing beside it', async () => {
    writeFileSync(join(out, NOTES_FILE), 'old');

    const receipt = await publish(out, 'né\n');

    expect(readFileSync(receipt.file, 'utf8')).toBe('né\n');
    expect(receipt).toEqual(await standingNotes(out));
    expect(readdirSync(out)).toEqual([NOTES_FILE]);
  });

  it('neither follows nor replaces a link, a folder or what stands where it must not', async () => {
    const target = join(out, 'target');
    writeFileSync(target, 'safe');
    symlinkSync(target, join(out, NOTES_FILE));
    await expect(publish(out, 'x')).rejects.toMatchObject({ code: 'OUTPUT_REFUSED' });
    expect(readFileSync(target, 'utf8')).toBe('safe');

    rmSync(join(out, NOTES_FILE));
    mkdirSync(join(out, NOTES_FILE));
    await expect(publish(out, 'x')).rejects.toMatchObject({ code: 'OUTPUT_REFUSED' });
    await expect(publish(target, 'x')).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });

  it('refuses a file that is not the one the draft was made over, and leaves it alone', async () => {
    const { sha256 } = await publish(out, 'old');
    writeFileSync(join(out, NOTES_FILE), 'by hand');

    for (const replaces of [sha256, null]) {
      const publication = { markdown: 'new', replaces };
      await expect(publishNotes(out, publication, 'key')).rejects.toMatchObject({ code: 'OUTPUT_CHANGED' });
    }

    expect(readFileSync(join(out, NOTES_FILE), 'utf8')).toBe('by hand');
    expect(readdirSync(out)).toEqual([NOTES_FILE]);
  });

  it('overwrites what a killed attempt left under its own name', async () => {
    await publish(out, 'one');
    const [temporary = ''] = await leftBy(() => publish(out, 'two'));

    writeFileSync(join(out, temporary), 'half');
    await publish(out, 'three');

    expect(readdirSync(out)).toEqual([NOTES_FILE]);
    expect(readFileSync(join(out, NOTES_FILE), 'utf8')).toBe('three');
  });
});

describe('probeOutput', () => {
  it('makes what is missing of the path and leaves nothing in it', async () => {
    await probeOutput(join(out, 'a/b'));

    expect(readdirSync(join(out, 'a/b'))).toEqual([]);
  });

  it('refuses a folder that nobody can make, at once', async () => {
    await expect(probeOutput('/proc/x/y')).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });
});

describe('DUR-5: what became of a publication that was begun', () => {
  const input = { markdown: 'new', replaces: null };

  it('is told by the content of the file', async () => {
    expect(await checkPublished(out, input, 'key')).toEqual({ became: 'not-run' });
    await publish(out, 'new');
    expect(await checkPublished(out, input, 'key')).toMatchObject({ became: 'done', value: { bytes: 3 } });
    const { sha256 = '' } = (await standingNotes(out)) ?? {};
    expect(await checkPublished(out, { markdown: 'newer', replaces: sha256 }, 'key')).toEqual({ became: 'not-run' });
  });

  it('is unknown when somebody changed the file, and the file stays as it is', async () => {
    writeFileSync(join(out, NOTES_FILE), 'by hand');

    expect(await checkPublished(out, input, 'key')).toEqual({ became: 'unknown' });
    expect(readFileSync(join(out, NOTES_FILE), 'utf8')).toBe('by hand');
  });
});

/** Names that appeared in `out` while `work` ran. */
async function leftBy(work: () => Promise<unknown>): Promise<readonly string[]> {
  const seen = new Set<string>();
  const working = work();
  let done = false;
  const finished = working.finally(() => {
    done = true;
  });
  while (!done) {
    for (const name of readdirSync(out)) if (name !== NOTES_FILE) seen.add(name);
    await new Promise(setImmediate);
  }
  await finished;
  return [...seen];
}
