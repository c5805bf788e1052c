import { describe, expect, it } from 'vitest';
import { createRedactor, isSensitiveName, secretSet, type ContentPlace, type Json } from '../src/index.ts';

const at: ContentPlace = { kind: 'prompt', path: '' };

describe('I11: content that may leave', () => {
  it('is without what is known, what looks like a secret, and what the program says is one, in this order', () => {
    const secrets = secretSet();
    secrets.remember('canary-known');
    const seen: string[] = [];
    const redactor = createRedactor({
      secrets: [secrets],
      redact(text, place) {
        seen.push(`${place.kind} ${place.path} ${text}`);
        return text.replaceAll('Ada', '[name]');
      },
    });

    expect(redactor.json({ said: ['canary-known Ada', 'password=hunter22'] }, 'tool-input')).toEqual({
      said: ['[redacted] [name]', 'password=[redacted]'],
    });
    expect(seen).toEqual([
      'tool-input $ said',
      'tool-input $.said[0] [redacted] Ada',
      'tool-input $.said[1] password=[redacted]',
    ]);
  });

  it('has nothing of what stands under the name of a credential, whatever it looks like', () => {
    const value: Json = {
      apiKey: 'plain words',
      'X-Api-Key': ['a', 'b'],
      headers: [
        ['accept', 'text/html'],
        ['authorization', 'Bearer abcdefgh12345'],
      ],
      env: [
        { name: 'DB_PASSWORD', value: 'plain words' },
        { key: 'cookie', value: 'plain' },
        { name: 'HOME', value: '/home' },
      ],
      refresh_token: { of: 'anything' },
      pin: { password: 1234, isPassword: true, secret: null },
      usage: { inputTokens: 5, maxTokens: 9 },
    };

    expect(createRedactor().json(value, 'output')).toEqual({
      apiKey: '[redacted]',
      'X-Api-Key': '[redacted]',
      headers: [
        ['accept', 'text/html'],
        ['authorization', 'Bearer [redacted]'],
      ],
      env: [
        { name: 'DB_PASSWORD', value: '[redacted]' },
        { key: 'cookie', value: '[redacted]' },
        { name: 'HOME', value: '/home' },
      ],
      refresh_token: '[redacted]',
      pin: { password: '[redacted]', isPassword: true, secret: null },
      usage: { inputTokens: 5, maxTokens: 9 },
    });
  });

  it.each([
    ['apiKey', true],
    ['API_KEY', true],
    ['x-api-key', true],
    ['awsSecretAccessKey', true],
    ['privateKeys', true],
    ['Set-Cookie', true],
    ['accesstoken', true],
    ['clientSecret', true],
    ['GITHUB_TOKEN', true],
    ['tokens', false],
    ['inputTokens', false],
    ['secretary', false],
    ['key', false],
    ['primaryKey', false],
    ['keyboard', false],
    ['', false],
    ['__proto__', false],
  ])('knows %s as the name of a credential: %s', (name, isOne) => {
    expect(isSensitiveName(name)).toBe(isOne);
  });

  it('is redacted in its names too, and a name of the prototype is a name like others', () => {
    const value = JSON.parse('{"__proto__":"canary-known","canary-known":{"a":1}}') as Json;
    const secrets = secretSet();
    secrets.remember('canary-known');

    expect(JSON.stringify(createRedactor({ secrets: [secrets] }).json(value, 'input'))).toBe(
      '{"__proto__":"[redacted]","[redacted]":{"a":1}}',
    );
  });

  it('is nothing but a mark where the redactor of the program fails', () => {
    for (const redact of [
      () => {
        throw new Error('canary');
      },
      () => undefined as never,
      (async () => 'canary') as never,
      (() => Promise.reject(new Error('canary'))) as never,
      () => 5 as never,
    ]) {
      const redactor = createRedactor({ redact });

      expect(redactor.text('canary', at)).toBe('[redacted: failed]');
      expect(JSON.stringify(redactor.json(['canary', { canary: 'canary' }], 'reply'))).not.toContain('canary');
    }
    const broken = createRedactor({
      secrets: [
        {
          redact() {
            throw new Error('canary');
          },
        },
      ],
    });
    expect(broken.text('canary', at)).toBe('[redacted: failed]');
    expect(broken.json({ a: 'canary' }, 'reply')).toEqual({ '[redacted: failed]': '[redacted: failed]' });
  });

  it('I9: is bounded in each text, in all of a value and in its members, and says what was cut', () => {
    const redactor = createRedactor({ bounds: { textChars: 10, valueChars: 25, nodes: 4 } });

    expect(redactor.text('x'.repeat(1_000_000), at)).toBe(`${'x'.repeat(10)} […]`);
    expect(redactor.text('x'.repeat(10), at)).toBe('x'.repeat(10));
    expect(redactor.json(['x'.repeat(20), 'y'.repeat(20), 'z', 'a', 'b'], 'prompt')).toEqual([
      `${'x'.repeat(10)} […]`,
      `${'y'.repeat(10)} […]`,
      '[…]',
      '[…]',
      '[…]',
    ]);
    expect(redactor.json({ a: [1, 2], b: [3, 4] }, 'prompt')).toEqual({ a: [1, 2], b: ['[…]'] });
    expect(redactor.json({ a: 1, b: 2, c: 3, d: 4, e: 5 }, 'prompt')).toEqual({ a: 1, b: 2, c: 3, d: 4, '[…]': '[…]' });
    expect(() => createRedactor({ bounds: { nodes: 0 } })).toThrow(TypeError);
  });

  it.each([
    [{ secret: [secretSet()] }, /createRedactor\(\) has no option secret/],
    [{ secrets: ['planted'] }, /secrets must be a list of what secretSet\(\) makes/],
    [{ bounds: { text: 9 } }, /bounds has no option text/],
    [{ redact: 'all' }, /redact must be a function/],
  ])('I12: a wrong option, which would let through what it is to take out, is a TypeError: %j', (options, message) => {
    expect(() => createRedactor(options as never)).toThrow(message);
  });

  it('finds a secret whole that a cut would part, and cuts no pair of surrogates', () => {
    const redactor = createRedactor({ bounds: { textChars: 20 } });

    expect(redactor.text(`${'x'.repeat(10)} password=hunter22hunter22`, at)).not.toContain('hunter');
    expect(redactor.text('🙂'.repeat(30).slice(1), at).isWellFormed()).toBe(true);
  });

  it('may be as deep as JSON of ours is', () => {
    let value: Json = 'password=hunter22';
    for (let depth = 0; depth < 1_000; depth += 1) value = depth % 2 === 0 ? [value] : { a: value };

    expect(JSON.stringify(createRedactor().json(value, 'input'))).toContain('password=[redacted]');
  });

  it('has no piece of a known secret that a cut would part, however long tokens are', () => {
    const secrets = secretSet();
    const secret = secrets.remember('qx7 '.repeat(1_000));
    const redactor = createRedactor({ secrets: [secrets], bounds: { textChars: 100 } });

    expect(redactor.text(`${'.'.repeat(50)}${secret}${'.'.repeat(500)}`, at)).not.toContain('qx7');
    expect(redactor.text(`${'.'.repeat(96)}${secret}`, at)).not.toContain('qx7');
  });

  it('has no piece of one that the end of what is read parts, where those before it are taken out', () => {
    const secrets = secretSet();
    const token = secrets.remember('Zq7'.repeat(500));
    const redactor = createRedactor({ secrets: [secrets] });

    for (const many of [3, 4, 5])
      expect(redactor.text(`${token} `.repeat(many) + token + token, at), String(many)).not.toContain('Zq7');
  });

  it('is whole where nothing bounds it', () => {
    const all = createRedactor({ bounds: { textChars: Infinity, valueChars: Infinity, nodes: Infinity } });
    const value = { text: 'x'.repeat(100_000), items: Array.from({ length: 20_000 }, (_, n) => n) };

    expect(all.json(value, 'output')).toEqual(value);
  });
});

describe('I11: secrets that a program knows', () => {
  it('are taken out whole where one is part of another, line by line, and not where they are as short as a word', () => {
    const { remember, redact } = secretSet();
    for (const secret of ['planted', 'planted-longer', 'first-line\nother-line', 'word']) remember(secret);

    expect(redact('planted-longer, planted, other-line, word')).toBe('[redacted], [redacted], [redacted], word');
  });

  it('are taken out whole where one begins in another', () => {
    const { remember, redact } = secretSet();
    for (const secret of ['planted-first', 'first-then', 'then-last']) remember(secret);

    expect(redact('(planted-first-then-last) planted-firstplanted-first')).toBe('([redacted]) [redacted][redacted]');
  });

  it('are taken out whole where one begins within another that is the same', () => {
    const { remember, redact } = secretSet();
    remember('abcabc');

    expect(redact('abcabcabc abcabcabcabc')).toBe('[redacted] [redacted]');
  });

  it('are known in JSON and in addresses, as paths and as queries write them', () => {
    const { remember, redact } = secretSet();
    const secret = remember('a "quoted" & slashed/secret!');
    const query = String(new URLSearchParams({ key: secret }));
    const lower = query.replaceAll(/%../g, (escape) => escape.toLowerCase());

    expect(redact(`${secret} ${JSON.stringify(secret)} ${encodeURIComponent(secret)} ${query} ${lower}`)).toBe(
      '[redacted] "[redacted]" [redacted] key=[redacted] key=[redacted]',
    );
    expect(redact(JSON.stringify({ text: JSON.stringify({ of: secret }) }))).toBe(
      JSON.stringify({ text: JSON.stringify({ of: '[redacted]' }) }),
    );
  });

  it('I9: are the last 64, however often they are told again', () => {
    const { remember, redact } = secretSet();
    for (let n = 100; n < 164; n += 1) remember(`planted-${n}`);
    for (let n = 0; n < 100; n += 1) remember('planted-163');

    expect(redact('planted-100')).toBe('[redacted]');
    remember('planted-164');
    expect(redact('planted-100 planted-101')).toBe('planted-100 [redacted]');
  });
});
