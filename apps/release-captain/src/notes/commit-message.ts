/** What a commit message says by the rules of Conventional Commits, and by plain English where it does not follow them. */
export interface ParsedMessage {
  readonly kind: ChangeKind;
  /** The author named the kind as a type; a verb only suggests it. */
  readonly typed: boolean;
  readonly scope?: string;
  /** The first line without its type. May be empty. */
  readonly summary: string;
  /** The first line without the area that it names as its beginning, where it names just one. */
  readonly plain?: string;
  /** The text of a `BREAKING CHANGE` footer, or the summary where only a `!` says so. */
  readonly breaking?: string;
  /** Hash of the commit that this one takes back. */
  readonly reverts?: string;
}

export type ChangeKind = 'feature' | 'fix' | 'other';

const TYPES: Readonly<Record<string, ChangeKind>> = {
  ...kinds('feature', 'feat feature'),
  ...kinds('fix', 'fix bugfix hotfix security'),
  ...kinds('other', 'refactor docs doc test tests build ci chore style revert deps release i18n types wip perf'),
};

const VERBS: Readonly<Record<string, ChangeKind>> = {
  ...kinds('feature', 'add adds added adding introduce introduces introduced implement implements implemented'),
  ...kinds(
    'feature',
    'support supports supported allow allows allowed enable enables enabled provide provides provided',
  ),
  ...kinds(
    'fix',
    'fix fixes fixed fixing repair repairs repaired correct corrects corrected resolve resolves resolved',
  ),
  ...kinds('fix', 'prevent prevents prevented'),
};

function kinds(kind: ChangeKind, words: string): Record<string, ChangeKind> {
  return Object.fromEntries(words.split(' ').map((word) => [word, kind]));
}

/** Only the first line, as {@link parseMessage} reads it. */
export function parseSubject(message: string): Omit<ParsedMessage, 'reverts'> {
  const subject = subjectOf(message);
  const [, type = '', scope, mark, rest = ''] = /^([a-z0-9]+)(?:\(([^()]*)\))?(!)?:\s*(.*)$/i.exec(subject) ?? [];
  const kind = Object.hasOwn(TYPES, type.toLowerCase()) ? TYPES[type.toLowerCase()] : undefined;
  if (kind === undefined) return plain(subject);
  return {
    kind,
    typed: true,
    summary: rest,
    ...(scope === undefined || scope.trim() === '' ? {} : { scope: scope.trim() }),
    ...(mark === undefined ? {} : { breaking: rest }),
  };
}

export function parseMessage(message: string): ParsedMessage {
  const parsed = parseSubject(message);
  const reverts = /^This reverts commit ([0-9a-f]{7,64})\b/m.exec(message)?.[1];
  const footer = breakingFooter(message);
  return {
    ...parsed,
    ...(footer === undefined ? {} : { breaking: footer }),
    ...(reverts === undefined ? {} : { reverts, kind: 'other' as const }),
  };
}

export function subjectOf(message: string): string {
  return (message.split('\n', 1)[0] ?? '').trim();
}

/** Names of `Co-authored-by` trailers. */
export function coAuthorsOf(message: string): readonly string[] {
  return [...message.matchAll(/^co-authored-by:[ \t]*([^<\n]*?)[ \t]*(?:<[^>\n]*>)?[ \t]*$/gim)]
    .map(([, name = '']) => name)
    .filter((name) => name !== '');
}

/** `net/http: fix …`, `core, cli: …` name areas, not a type: the first is the scope, and the verb after them decides. */
function plain(subject: string): ParsedMessage {
  const [, prefix, scope, rest = ''] = /^(([\w./@-]{1,60})(?:, ?[\w./@-]{1,60})*): +(.*)$/.exec(subject) ?? [];
  const sentence = prefix === undefined ? subject : rest;
  const verb = /^[a-z]+/i.exec(sentence)?.[0].toLowerCase() ?? '';
  const kind = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  return {
    kind: kind ?? 'other',
    typed: false,
    summary: subject,
    ...(scope === undefined || prefix !== scope ? {} : { plain: rest }),
    ...(scope === undefined ? {} : { scope }),
  };
}

function breakingFooter(message: string): string | undefined {
  const lines = message.split('\n').slice(1);
  const start = lines.findIndex((line) => /^BREAKING[ -]CHANGES?:/.test(line));
  if (start === -1) return undefined;
  const text: string[] = [];
  for (const line of lines.slice(start)) {
    // The footer's text ends at an empty line or at the next trailer.
    if (text.length > 0 && (line.trim() === '' || /^[A-Za-z][\w-]*(?:: | #)/.test(line))) break;
    text.push(line.replace(/^BREAKING[ -]CHANGES?:/, '').trim());
  }
  const said = text.filter(Boolean).join(' ');
  return said === '' ? undefined : said;
}
