/** Bytes that are not an encoding of what they should be: always the peer's fault, never worth a retry. */
export class DecodeError extends Error {
  readonly code = "mls.malformed";
  readonly retry = false;

  constructor(sentence: string) {
    super(sentence);
    this.name = "DecodeError";
  }
}
