import {
  encode,
  errorCodes,
  ProtocolError,
  retryOf,
  sentenceOf,
  toWireError,
  wireError,
} from "../../src/index.ts";
import { invalid, valid, withField, withoutField } from "./cases.ts";
import type { Json } from "./json.ts";

export function errors(): Json {
  const one = encode(
    wireError,
    toWireError(new ProtocolError("rate-limited", undefined, { retryAfterMs: 5_000 })),
  );
  return {
    about: [
      "codes: every code with whether trying again helps and the sentence for people. Codes are stable; sentences are not.",
      "valid, invalid: errors as they cross a wire.",
    ],
    codes: errorCodes.map((code) => ({ code, retry: retryOf(code), sentence: sentenceOf(code) })),
    valid: [
      ...errorCodes.map((code) => valid("wire error", code, toWireError(new ProtocolError(code)))),
      valid(
        "wire error",
        "with a detail",
        toWireError(new ProtocolError("unreachable", "bob.example: no answer in time.")),
      ),
      valid("wire error", "with a time to wait", {
        code: "rate-limited",
        retry: "later",
        retryAfterMs: 5_000,
      }),
      valid("wire error", "a code of a newer version", { code: "too-early", retry: "now" }),
    ],
    invalid: [
      invalid("wire error", "no code", withoutField(one, "code")),
      invalid("wire error", "a code of 41 bytes", withField(one, "code", "x".repeat(41))),
      invalid("wire error", "retry sometimes", withField(one, "retry", "sometimes")),
      invalid("wire error", "more than a day to wait", withField(one, "retryAfterMs", 86_400_001)),
      invalid("wire error", "a detail of 501 bytes", withField(one, "detail", "x".repeat(501))),
      invalid("wire error", "a detail of two lines", withField(one, "detail", "a\nb")),
    ],
  };
}
