/**
 * Untrusted text as the inline content of one Markdown block: it cannot start a block, a link, an image, HTML, math, a
 * mention or emphasis, whatever it holds. What a renderer would turn into a link or a mention by itself (addresses,
 * `@name`) is set as code, since no escape stops every renderer.
 */
export function inlineMarkdown(text: string, limit = 300): string {
  const line = oneLine(text, limit);
  let result = '';
  let at = 0;
  for (const match of line.matchAll(LITERAL)) {
    result += escape(line.slice(at, match.index), result === '');
    result += codeSpan(match[1] ?? match[0]);
    at = match.index + match[0].length;
  }
  return result + escape(line.slice(at), result === '');
}

/** A piece of text as code. */
export function codeSpan(text: string): string {
  const fence = '`'.repeat(1 + Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length)));
  const padding = /^[ `]|[ `]$/.test(text) ? ' ' : '';
  return `${fence}${padding}${text}${padding}${fence}`;
}

// Controls, separators and direction marks bend a line without being seen.
// oxlint-disable-next-line no-control-regex, no-misleading-character-class -- control characters are what is looked for
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;
// oxlint-disable-next-line no-misleading-character-class -- each is meant by itself
const DIRECTION = /[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Untrusted text on one line, cut with a visible mark. */
export function oneLine(text: string, limit: number): string {
  const clean = text.toWellFormed().replace(INVISIBLE, ' ').replace(DIRECTION, '').replace(/\s+/g, ' ').trim();
  const characters = [...clean];
  return characters.length <= limit
    ? clean
    : `${characters
        .slice(0, limit - 1)
        .join('')
        .trimEnd()}…`;
}

/** Code as the author set it; addresses; mentions. */
const LITERAL =
  /(?<!`)`(?!`)([^`]+)`(?!`)|(?:[a-z][a-z0-9+.-]*:\/\/|www\.|mailto:|xmpp:)[^\s`()<>[\]]+|[^\s`@()<>[\]]*@[\w][^\s`()<>[\]]*/gi;

function escape(text: string, first: boolean): string {
  const escaped = text
    .replace(/[\\`*[\]<>&|~$]/g, '\\$&')
    // An underscore inside a word is no emphasis; the rest may be.
    .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_');
  return first ? escaped.replace(/^[#+=-]/, '\\$&').replace(/^(\d+)([.)])/, '$1\\$2') : escaped;
}
