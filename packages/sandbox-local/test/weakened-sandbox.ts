import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Sandbox } from '@prusik/core';
import { resolveIdentity, type Identity } from '../src/identity.ts';
import { openBubblewrap } from '../src/isolation.ts';
import { DEFAULT_LIMITS, resolveLimits } from '../src/limits.ts';
import { createSession } from '../src/session.ts';
import { createWorkspaceStore } from '../src/workspace-store.ts';

/** Takes bubblewrap's place, changes what it is told (Perl, on `@told` and `@ARGV`), and becomes it. */
const shim = (change: string): string => `#!/usr/bin/perl
exec '/usr/bin/bwrap', @ARGV if $ARGV[0] eq '--help';
use POSIX ();
open(my $in, '<&=', 3); local $/; our @told = split /\\0/, <$in>;
sub drop { my %names = map { $_ => 1 } @_; @told = grep { !$names{$_} } @told }
sub replace { my ($name, $by) = @_; @told = map { $_ eq $name ? $by : $_ } @told }
# Takes out every run of arguments that begins with these words, and $more after them; puts @by there.
sub cut { my ($words, $more, @by) = @_; for my $i (reverse 0..$#told - $#$words) {
  splice @told, $i, @$words + $more, @by if join("\\0", @told[$i..$i + $#$words]) eq join("\\0", @$words) } }
# Adds mounts after all others, before they are made read-only.
sub mounted { my ($i) = grep { $told[$_] eq '--remount-ro' } 0..$#told; splice @told, $i, 0, @_ }
${change};
pipe(my $read, my $write); syswrite $write, join('', map { "$_\\0" } @told); close $write;
POSIX::dup2(fileno($read), 3); exec '/usr/bin/bwrap', @ARGV;`;

/** Path of a bubblewrap that is told something else than it was given. */
export async function weakenedBubblewrap(folder: string, change: string): Promise<string> {
  const bubblewrap = join(folder, `bwrap-${randomUUID()}`);
  await writeFile(bubblewrap, shim(change));
  await chmod(bubblewrap, 0o755);
  return bubblewrap;
}

export interface WeakenedOptions {
  /** Takes all files; removed by the caller. */
  readonly root: string;
  readonly change: string;
  /** Commands run as root, which the sandbox itself never does. */
  readonly asRoot?: boolean;
  readonly withoutLimits?: boolean;
}

/** A sandbox on a weakened bubblewrap that nobody tries out first: the trial would refuse most of them. */
export async function openWeakened({ root, change, asRoot, withoutLimits }: WeakenedOptions): Promise<Sandbox> {
  const identity: Identity | undefined = asRoot === true ? { uid: 0, gid: 0, drop: false } : resolveIdentity(undefined);
  await mkdir(root, { recursive: true, mode: 0o711 });
  const bubblewrap = await weakenedBubblewrap(root, change);
  const { launcher, close } = await openBubblewrap({ bubblewrap, etc: join(root, 'etc'), identity });
  const workspaces = createWorkspaceStore({ root, owner: identity, now: Date.now });
  return {
    workspaces,
    level: async () => launcher.level,
    async open({ workspace, limits }) {
      const { place, leave } = await workspaces.enter(workspace);
      return createSession({
        launcher,
        place,
        limits: resolveLimits(DEFAULT_LIMITS, withoutLimits === true ? {} : limits),
        mounts: [],
        network: 'none',
        level: launcher.level,
        inheritable: [],
        env: {},
        owner: identity,
        takeSlot: () => () => {},
        onDispose: leave,
      });
    },
    [Symbol.asyncDispose]: async () => close(),
  };
}
