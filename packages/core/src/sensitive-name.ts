const WORDS = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])/g;
const SECRET = /(?:authorization|cookies?|credentials?|passphrase|passwords?|passwd|secrets?|token|apikey)$/;
const KINDS_OF_KEY = new Set(['access', 'account', 'api', 'encryption', 'master', 'private', 'secret', 'signing']);

/** Whether what stands under this name is a credential by its name: `apiKey`, `X-Api-Key`, `DB_PASSWORD`, `set-cookie`; not `inputTokens` or `secretary`. */
export function isSensitiveName(name: string): boolean {
  const words = (name.slice(0, 200).match(WORDS) ?? []).map((word) => word.toLowerCase());
  return words.some((word, at) => SECRET.test(word) || (/^keys?$/.test(word) && KINDS_OF_KEY.has(words[at - 1] ?? '')));
}
