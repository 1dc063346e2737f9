/**
 * Bytes from outside did not have the form that this protocol asks for. Every decoder of this package throws
 * this and nothing else, so that a boundary needs one `catch` to turn a peer's mistake into an answer.
 */
export class DecodeError extends Error {
  /** The path of the offending part, such as `serverRecord.addresses[2].host`, or a byte offset. */
  readonly where: string;
  /** What is wrong there, as a clause: `is longer than 253 bytes`. */
  readonly what: string;

  constructor(where: string, what: string) {
    super(`${where}: ${what}`);
    this.name = "DecodeError";
    this.where = where;
    this.what = what;
  }
}
