import { describe, expect, it } from 'vitest';
import { codeSpan, inlineMarkdown, oneLine } from '../src/notes/markdown.ts';

describe('inlineMarkdown', () => {
  it.each([
    ['# heading', '\\# heading'],
    ['1. list', '1\\. list'],
    ['- item', '\\- item'],
    ['> quote', '\\> quote'],
    ['a\n\n# b', 'a # b'],
    ['<b>&amp;</b>', '\\<b\\>\\&amp;\\</b\\>'],
    ['[a](javascript:x)', '\\[a\\](javascript:x)'],
    ['![a](b)', '!\\[a\\](b)'],
    ['see https://a.example/x_y).', 'see `https://a.example/x_y`).'],
    ['www.a.example', '`www.a.example`'],
    ['cc @team, me@a.example', 'cc `@team,` `me@a.example`'],
    ['use `a < b` here', 'use `a < b` here'],
    ['stray ` tick', 'stray \\` tick'],
    ['a_b _c_ *d* ~e~ $f$ |g|', 'a_b \\_c\\_ \\*d\\* \\~e\\~ \\$f\\$ \\|g\\|'],
    ['\u202egnp\u200b.exe\u0007', 'gnp.exe'],
    ['\ud800x', '\ufffdx'],
    ['', ''],
  ])('makes %j %j', (text, expected) => {
    expect(inlineMarkdown(text)).toBe(expected);
  });

  it('cuts between characters, with a mark', () => {
    expect(oneLine('🚀'.repeat(10), 5)).toBe('🚀🚀🚀🚀…');
  });

  it('fences code that holds ticks', () => {
    expect(codeSpan('a``b')).toBe('```a``b```');
    expect(codeSpan('`')).toBe('`` ` ``');
  });
});
