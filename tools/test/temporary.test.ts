import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { folderInMemory } from '../temporary.mjs';

it('makes a folder in memory that anybody may write to, where there is room', () => {
  const memory = mkdtempSync(join(tmpdir(), 'memory-'));
  try {
    const folder = folderInMemory({}, memory) ?? '';

    expect(dirname(folder)).toBe(memory);
    expect(statSync(folder).mode & 0o7777).toBe(0o1777);
    expect(folderInMemory({}, memory)).not.toBe(folder);
  } finally {
    rmSync(memory, { recursive: true });
  }
});

it('makes none where the person has said where such files go, or there is no memory', () => {
  const memory = mkdtempSync(join(tmpdir(), 'memory-'));
  try {
    expect(folderInMemory({ TMPDIR: '/tmp' }, memory)).toBeUndefined();
    expect(folderInMemory({}, join(memory, 'none'))).toBeUndefined();
    expect(existsSync(join(memory, 'none'))).toBe(false);
  } finally {
    rmSync(memory, { recursive: true });
  }
});
