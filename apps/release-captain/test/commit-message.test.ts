import { describe, expect, it } from 'vitest';
import { coAuthorsOf, parseMessage } from '../src/notes/commit-message.ts';

describe('parseMessage', () => {
  it.each([
    ['feat(core)!: drop it', { kind: 'feature', scope: 'core', summary: 'drop it', breaking: 'drop it' }],
    ['Fix: upper case', { kind: 'fix', summary: 'upper case' }],
    ['perf: faster', { kind: 'other', summary: 'faster' }],
    ['chore(deps): bump x', { kind: 'other', scope: 'deps', summary: 'bump x' }],
    ['constructor: is no type', { kind: 'other', scope: 'constructor', summary: 'constructor: is no type' }],
    [
      'net/http: fix a crash',
      { kind: 'fix', scope: 'net/http', plain: 'fix a crash', summary: 'net/http: fix a crash' },
    ],
    ['core, cli: add a door', { kind: 'feature', scope: 'core', summary: 'core, cli: add a door' }],
    ['Added a thing', { kind: 'feature', summary: 'Added a thing' }],
    ['Address review', { kind: 'other', summary: 'Address review' }],
    ['toString: hasOwn matters', { kind: 'other', summary: 'toString: hasOwn matters' }],
    ['', { kind: 'other', summary: '' }],
  ])('reads %j', (message, expected) => {
    expect(parseMessage(message)).toMatchObject(expected);
  });

  it('reads a breaking footer to its end, over lines, and no other trailer', () => {
    const message = 'fix: x\n\nBody BREAKING CHANGE: not here\n\nBREAKING CHANGE: one\ntwo\nReviewed-by: me\n';

    expect(parseMessage(message).breaking).toBe('one two');
    expect(parseMessage('fix: x\n\nBREAKING-CHANGE: dash').breaking).toBe('dash');
    expect(parseMessage('fix: x\n\nno BREAKING CHANGE at all').breaking).toBeUndefined();
  });

  it('knows a revert by its body', () => {
    const hash = 'a'.repeat(40);

    expect(parseMessage(`Revert "feat: x"\n\nThis reverts commit ${hash}.`)).toMatchObject({
      kind: 'other',
      reverts: hash,
    });
    expect(parseMessage('Revert the old way').reverts).toBeUndefined();
  });
});

describe('coAuthorsOf', () => {
  it('names them without their addresses', () => {
    const message =
      'x\n\nCo-authored-by: Ada L. <a@b>\nCO-AUTHORED-BY:  Bob\nco-authored-by: <c@d>\nNot-co-authored-by: E <e@f>';

    expect(coAuthorsOf(message)).toEqual(['Ada L.', 'Bob']);
  });
});
