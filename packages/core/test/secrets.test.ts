import { describe, expect, it } from 'vitest';
import { withoutSecrets } from '../src/index.ts';
import { cpuTime } from './cpu-time.ts';

/** The same numbers for a seed. */
function numbersOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (state >>> 0) % below;
  };
}
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const secretOf = (next: (below: number) => number, length: number): string =>
  Array.from({ length }, (_, at) => (at === 2 ? '7' : LETTERS[next(LETTERS.length)])).join('');

const CANARY = 'hK7vQ2mZx9Lw';

/** Each with the secret in the place of `@`. */
const PRINTED = [
  'Authorization: Bearer @',
  'authorization: Token @',
  '"authorization":"Basic @=="',
  'Authorization: @',
  'Proxy-Authorization: Digest username="x", response="@"',
  'Cookie: session=@; theme=dark',
  'Set-Cookie: sid=@; HttpOnly',
  'Bearer @',
  'bearer @.',
  'password=@',
  'passwd=@',
  'PASSWORD: @',
  'DB_PASSWORD=@',
  'export OPENAI_API_KEY=@',
  'client_secret=@&x=1',
  'access_token=@',
  '"refresh_token":"@"',
  '"refresh_token" : "@ and more"',
  '{\\"access_token\\":\\"@\\"}',
  "{ apiKey: '@' }",
  'x-api-key: @',
  'accessToken: @',
  'AWS_SECRET_ACCESS_KEY=@',
  'AccountKey=@;EndpointSuffix=x',
  'password: "@ with words"',
  "secret => '@'",
  'Your new passphrase: @',
  'postgres://user:@@host/base',
  'redis://:@@host',
  'https://@@host/path',
  'https://host/f?sig=@&x=1',
  'https://host/f?x=1&key=@',
  'https://host/f?X-Amz-Signature=@',
  'https://host/cb?code=@',
  'sk-ant-@',
  'sk_live_@',
  'ghp_@',
  'github_pat_@',
  'glpat-@',
  'xoxb-@',
  'npm_@@@',
  'AIza@@@',
  'token @eyJhbGciOiJI.eyJzdWIiOiIx.@'.replace('@', ''),
  '-----BEGIN RSA PRIVATE KEY-----\nMII@\n@\n-----END RSA PRIVATE KEY-----',
  '-----BEGIN PRIVATE KEY-----\nMII@',
];

describe('I11: what looks like a credential is taken out of a text', () => {
  it.each(PRINTED)('%s', (shape) => {
    const text = shape.replaceAll('@@host', `${CANARY}@host`).replaceAll(/@(?!host)/g, CANARY);
    expect(text).toContain(CANARY);

    const safe = withoutSecrets(`before ${text}\nafter`);

    expect(safe).not.toContain(CANARY);
    // A private key without its end goes on to the end of the text.
    expect(safe).toMatch(shape.includes('BEGIN PRIVATE') ? /^before \[redacted\]$/ : /^before [^]*\nafter$/);
  });

  it('for any secret, in any surroundings, and a second time changes nothing', () => {
    for (let seed = 1; seed <= 400; seed += 1) {
      const next = numbersOf(seed);
      const secret = secretOf(next, 12 + next(30));
      const shape = PRINTED[next(PRINTED.length)] ?? '';
      const around = () => ['', 'a ', '{"x":1,', 'GET ', '(', '\n', '\t', '> '][next(8)] ?? '';
      const text = around() + shape.replaceAll('@@host', `${secret}@host`).replaceAll(/@(?!host)/g, secret) + '\n';

      const safe = withoutSecrets(text);

      expect(safe, `${seed}: ${text}`).not.toContain(secret);
      expect(withoutSecrets(safe), `${seed}: ${text}`).toBe(safe);
    }
  });

  it('what an access key of AWS is, by its form', () => {
    expect(withoutSecrets('AKIAIOSFODNN7EXAMPLE ASIAIOSFODNN7EXAMPLE')).toBe('[redacted] [redacted]');
    expect(withoutSecrets('postgres://user:pass@host/base')).toBe('postgres://[redacted]@host/base');
  });
});

/** Sentences that speak of credentials and hold none. */
const PROSE = [
  'The basic authentication of the old service failed, so the bearer certificates were renewed.',
  'A bearer of good news has a token of thanks, and no secret: nobody keeps one for long.',
  'Password: must have eight characters and one digit.',
  'The password: whatever you like, within reason.',
  'Unexpected token: end of input. Expected a semicolon.',
  'Authorization: required for this endpoint.',
  'Cookie: a small text that sites keep with you.',
  'Set the API key in the settings; without an API key nothing works.',
  'inputTokens: 1500, maxTokens=4096, tokens: 12345',
  'secretary: Mrs. Miller; tokenizer: wordpiece_v2; keyboard: qwerty',
  'git clone ssh://git@github.com/prusik/prusik.git and see https://example.com/a/b?page=2#top',
  'Basic JavaScript, basic HTTP/1.1, and basic internationalization of pages.',
  'npm_config_registry, npm_package_version and sk-learn are names.',
  'Mail me@example.com, or look at https://example.com/@user/page.',
  'The risk-taking task-oriented desk-bound clerk asked for a secret key: the one of the cellar.',
  'const token = await next(); if (token === undefined) return;',
];
const WORDS =
  'the of a an in to it that with for was is on as by at be this from or had not are but have they which one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can only other time new some could these two may first then do any like my now over such our man me even most made after also did many off before must well back through years much where your way down should because long each just state those people too mr how little good world make very year still see own work men day get here old life both between being under three never know same last another while us might great go come since against right came take used himself few house use place during high without again home around small however found mrs part school thought went say general once upon every left war until always away something fact water though public less put think almost hand enough far took head yet government system better set told nothing night end why called didn eyes find going look asked later knew'.split(
    ' ',
  );
const ABOUT = ['token', 'secret', 'password', 'credential', 'cookie', 'authorization', 'bearer', 'basic', 'api key'];

describe('I11: ordinary prose stays as it is', () => {
  it.each(PROSE)('%s', (text) => {
    expect(withoutSecrets(text)).toBe(text);
  });

  it('also where it speaks of credentials', () => {
    for (let seed = 1; seed <= 400; seed += 1) {
      const next = numbersOf(seed);
      const words = Array.from({ length: 40 }, () => {
        const about = next(6) === 0 ? ABOUT[next(ABOUT.length)] : undefined;
        const word = about ?? WORDS[next(WORDS.length)] ?? '';
        // A colon, with a word of the sentence after it.
        return `${word}${[',', '.', ':', '', '', '', ''][next(7)]}`;
      });
      const text = `${words.join(' ')} and so on.`;

      expect(withoutSecrets(text), String(seed)).toBe(text);
    }
  });
});

it('I11: taking credentials out takes time in proportion to the text, whatever is written to make it slow', () => {
  const units = [
    'e',
    'eyJ-',
    'eyJaaaaaaaaa.',
    'bearer ',
    'bearer a',
    'authorization:',
    'authorization="',
    'basic a',
    'token ',
    'token:',
    'token="',
    'token:"\\',
    "token='x",
    'token\\":\\"',
    'tokentoken:',
    'secret: a',
    'password: aaaa ',
    'api key',
    'sk-',
    'sk-a',
    'x://',
    'x://a:',
    'x://aaaaaaaaaa',
    'cookie: a',
    'cookie: a=',
    'authorization: ',
    'authorization: token ',
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN ',
    '?sig=',
    '?key=a',
    ' ',
    '\\',
    '"',
  ];

  for (const unit of units)
    for (const text of [unit.repeat(262_144 / unit.length), unit + 'a'.repeat(262_144)]) {
      const begun = cpuTime();

      withoutSecrets(text);

      // Patterns that look at all that follows, at each place, take minutes for it.
      expect(cpuTime() - begun, JSON.stringify(unit)).toBeLessThan(2_000);
    }
});
