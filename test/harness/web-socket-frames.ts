/**
 * What a WebSocket carries, as anybody who reads the stream gets it: whoever dials masks each frame with a key that
 * stands in front of it, so that in the bytes as sent nothing could ever be found. RFC 6455 §5.2, §5.3
 */

/** @param stream one direction of a connection, from its HTTP head on; the payloads, unmasked, follow the head */
export function unmasked(stream: Buffer): Buffer {
  const head = stream.indexOf("\r\n\r\n");
  if (head === -1) return stream;
  const parts = [stream.subarray(0, head + 4)];
  for (let at = head + 4; at + 2 <= stream.length;) {
    const masked = (stream[at + 1]! & 0x80) !== 0;
    const short = stream[at + 1]! & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    const start = at + 2 + lengthBytes + (masked ? 4 : 0);
    if (start > stream.length) break; // Cut off by the end of the recording.
    const length =
      lengthBytes === 0
        ? short
        : Number(BigInt(`0x${stream.subarray(at + 2, at + 2 + lengthBytes).toString("hex")}`));
    const payload = Buffer.from(stream.subarray(start, start + length));
    if (masked) {
      const key = stream.subarray(start - 4, start);
      for (let index = 0; index < payload.length; index++) payload[index]! ^= key[index % 4]!;
    }
    parts.push(payload);
    at = start + length;
  }
  return Buffer.concat(parts);
}
