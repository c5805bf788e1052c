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
  const version = parseTag(tag);
  const early = version?.major === 0;
  const bump = breaking > 0 && !early ? 'major' : breaking + features > 0 ? 'minor' : 'patch';
  const cause =
    breaking > 0
      ? `${count(breaking, 'breaking change')}${early ? ', which below 1.0.0 raises the minor number' : ''}`
      : features > 0
        ? `${count(features, 'new feature')} and no breaking change`
        : fixes > 0
          ? `${count(fixes, 'fix', 'fixes')}, no new feature and no breaking change`
          : 'no feature, fix or breaking change that the commits name';
  return {
    bump,
    reason: cause,
    ...(version === undefined ? {} : { current: version.text, next: nextOf(version, bump) }),
  };
}

interface Version {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly early: boolean;
}

/** A pre-release is followed by the release that it announces, where that is a step large enough. */
function nextOf({ major, minor, patch, early }: Version, bump: VersionAdvice['bump']): string {
  const announced = { major: minor === 0 && patch === 0, minor: patch === 0, patch: true }[bump];
  if (early && announced) return `${major}.${minor}.${patch}`;
  return {
    major: `${major + 1}.0.0`,
    minor: `${major}.${minor + 1}.0`,
    patch: `${major}.${minor}.${patch + 1}`,
  }[bump];
}

/** `1.2.3`, `v1.2.3-rc.1`, `name@1.2.3`, `name-v1.2`. */
function parseTag(tag: string | undefined): Version | undefined {
  const form = /(?:^|[@/_-]|[@/_-]?v)((\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(-[0-9A-Za-z.-]+)?)(?:\+[0-9A-Za-z.-]*)?$/;
  const [, text, major, minor, patch, early] = form.exec(tag ?? '') ?? [];
  if (text === undefined) return undefined;
  return { text, major: Number(major), minor: Number(minor), patch: Number(patch ?? 0), early: early !== undefined };
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
