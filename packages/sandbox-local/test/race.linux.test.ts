import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { temporarySandbox } from './temporary.ts';

/** Swaps a file, and a folder of that name, against links to a folder of the host, as fast as it can. */
const SWAPPER = `
  my $secrets = shift;
  mkdir "real"; open(my $f, ">", "real/f"); print $f "own"; close $f; symlink($secrets, "planted");
  print "swapping\\n"; $| = 1; print "";
  while (1) { rename("real", "d"); rename("d", "real"); rename("planted", "d"); rename("d", "planted") }`;

const cleanUp: (() => PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).toReversed()) await undo();
});

it(
  'SBX-4: against a command that swaps folders for links, no read shows and no write changes a file of the host',
  { timeout: 60_000 },
  async () => {
    const sandbox = await temporarySandbox();
    cleanUp.push(() => sandbox[Symbol.asyncDispose]());
    const secrets = join(sandbox.root, 'secrets');
    await mkdir(secrets, { mode: 0o777 });
    await writeFile(join(secrets, 'f'), 'secret');
    cleanUp.push(() => rm(secrets, { recursive: true }));
    await sandbox.workspaces.create({ id: 'w' });
    const session = await sandbox.open({ workspace: 'w' });
    const swapper = await session.spawn({ command: `exec perl -e '${SWAPPER}' ${secrets}` });
    cleanUp.push(() => swapper.kill());
    const workspace = join(
      sandbox.root,
      'workspaces',
      (await import('../src/workspace-name.ts')).workspaceFolder('w'),
      'files',
    );

    // The attack works on whoever follows a path: else it would prove nothing that ours holds.
    let leaked = false;
    for (let n = 0; n < 200_000 && !leaked; n++)
      leaked = (await readFile(join(workspace, 'd/f'), 'utf8').catch(() => '')) === 'secret';
    const seen = { own: 0, none: 0, refused: 0 };
    // On a busy machine both take turns, and it may be long before a read falls into the other half of a swap.
    for (let n = 0; n < 5_000 || (n < 200_000 && seen.own * seen.refused === 0); n++) {
      const text = await session.readTextFile({ path: 'd/f' }).catch((error: unknown) => error);
      if (text === 'own') seen.own++;
      else if (text === null) seen.none++;
      else if (text instanceof Error && 'code' in text && text.code === 'SANDBOX_PATH_REFUSED') seen.refused++;
      else throw new Error(`Read ${String(text)}`);
      if (n % 10 === 0) await session.writeTextFile({ path: 'd/f', content: 'own' }).catch(() => {});
    }

    expect(leaked).toBe(true);
    expect(await readFile(join(secrets, 'f'), 'utf8')).toBe('secret');
    expect(seen.own * seen.refused).toBeGreaterThan(0);
  },
);
