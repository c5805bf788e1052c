/** All of a blob. */
export async function bytesOf(blob: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of blob) pieces.push(piece);
  return Buffer.concat(pieces);
}
