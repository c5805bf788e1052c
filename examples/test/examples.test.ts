import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('..', import.meta.url));
const programs = readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'vitest.config.ts');

it.each(programs)(
  '%s runs to its end and exits 0',
  (program) => {
    const done = spawnSync(process.execPath, ['--conditions=@prusik/source', program], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 30_000,
    });

    expect(done.status, `${done.stdout}${done.stderr}`).toBe(0);
  },
  40_000,
);
