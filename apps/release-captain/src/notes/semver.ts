/** Which version number to raise, and why. */
export interface VersionAdvice {
  readonly bump: 'major' | 'minor' | 'patch';
  readonly current?: string;
  readonly next?: string;
  readonly reason: string;
}

export interface VersionFacts {
  readonly breaking: number;
  readonly features: number;
  readonly fixes: number;
  /** Name of the tag that the range starts at. */
  readonly tag?: string | undefined;
}

/** By Semantic Versioning: below 1.0.0 a breaking change raises the minor number. */
export function adviseVersion({ breaking, features, fixes, tag }: VersionFacts): VersionAdvice {
  const [current, major, minor, patch] = parseTag(tag) ?? [];
  const early = major === 0;
  const bump = breaking > 0 && !early ? 'major' : breaking + features > 0 ? 'minor' : 'patch';
  const cause =
    breaking > 0
      ? `${count(breaking, 'breaking change')}${early ? ', which below 1.0.0 raises the minor number' : ''}`
      : features > 0
        ? `${count(features, 'new feature')} and no breaking change`
        : fixes > 0
          ? `${count(fixes, 'fix', 'fixes')}, no new feature and no breaking change`
          : 'no feature, fix or breaking change that the commits name';
  if (current === undefined || major === undefined || minor === undefined || patch === undefined) {
    return { bump, reason: cause };
  }
  const next = {
    major: `${major + 1}.0.0`,
    minor: `${major}.${minor + 1}.0`,
    patch: `${major}.${minor}.${patch + 1}`,
  }[bump];
  return { bump, current, next, reason: cause };
}

/** `1.2.3`, `v1.2.3`, `name@1.2.3`, `name-v1.2`; a pre-release's number counts as the release before it is out. */
function parseTag(tag: string | undefined): readonly [string, number, number, number] | undefined {
  const match = /(?:^|[@/_-]|[@/_-]?v)(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?:[-+][0-9A-Za-z.+-]*)?$/.exec(tag ?? '');
  if (match === null) return undefined;
  const [major, minor, patch] = [Number(match[1]), Number(match[2]), Number(match[3] ?? '0')];
  return [`${major}.${minor}.${patch}`, major, minor, patch];
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
