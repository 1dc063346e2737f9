/** A call that failed, with everything that a person needs to know about it. Crosses threads as its data. */
import type { Cause } from "../interface/index.ts";

export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly data: Cause;

  constructor(data: Cause) {
    super(data.sentence);
    this.data = data;
  }
}
