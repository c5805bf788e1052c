/** First bytes of the images that providers take. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG\r\n/, 'image/png'],
  [/^\xff\xd8\xff/, 'image/jpeg'],
  [/^GIF8[79]a/, 'image/gif'],
  [/^RIFF[^]{4}WEBP/, 'image/webp'],
];

/** What an image is by its own word. Providers refuse one that is not what it is said to be, and histories name many by their file's ending. */
export function imageType(data: string | Uint8Array): string | undefined {
  const head = typeof data === 'string' ? Buffer.from(data.slice(0, 16), 'base64') : Buffer.from(data.subarray(0, 12));
  const shown = head.toString('latin1');
  return SHAPES.find(([shape]) => shape.test(shown))?.[1];
}
