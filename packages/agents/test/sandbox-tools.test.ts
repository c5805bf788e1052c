import { describe, expect, it } from 'vitest';
import { seenInMemory } from '../src/sandbox/seen-files.ts';
import { walkFiles } from '../src/sandbox/walk-files.ts';
import { caller, newSession, sandboxOf } from './sandbox-place.ts';
import { sandboxToolTests } from './sandbox-tool-tests.ts';

describe("isolation: 'none'", () => {
  sandboxToolTests('none');

  const sandbox = sandboxOf('none');

  it('SBX-5: patterns that are matched on the host take so many steps, whoever wrote them', async () => {
    const session = await newSession(await sandbox());
    const name = 'a'.repeat(200);
    for (let n = 0; n < 20; n += 1) await session.writeTextFile({ path: `${name}${n}`, content: '' });
    await session.writeTextFile({ path: '.gitignore', content: `${'*a'.repeat(30)}b\n`.repeat(1_000) });
    const place = { session, seen: seenInMemory(), signal: undefined, maxCommandMs: 1 };
    const walk = (ignored: boolean) =>
      walkFiles(place, { base: [], ignored, wants: () => true, most: 100, steps: 1_000_000 });

    expect(await walk(false)).toMatchObject({ cut: 'matching the patterns took too many steps' });
    expect((await walk(true)).found).toHaveLength(21);
    expect(await caller(session)('glob', { pattern: `${'*a'.repeat(400)}b` })).toBe('[no file matches]');
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    await caller(session)('glob', { pattern: '*' });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });
});
