import { describe, expect, test } from "vitest";
import {
  decode,
  encode,
  errorCodes,
  fromWireError,
  ProtocolError,
  retryOf,
  sentenceOf,
  toWireError,
  wireError,
} from "../src/index.ts";
import { vectorFile } from "./vector-files.ts";

const { codes } = vectorFile<{ codes: { code: string; retry: string; sentence: string }[] }>("errors.json");

/** Over the wire and back. */
const told = (error: ProtocolError): ProtocolError =>
  fromWireError(decode(wireError, encode(wireError, toWireError(error))));

describe("errors", () => {
  test("[E1] every code says whether to try again, in one table", () => {
    expect(codes.map(({ code }) => code)).toEqual(errorCodes);
    for (const { code, retry } of codes) expect(retryOf(code as never)).toBe(retry);
  });

  test.each(errorCodes)("[E2] %s arrives with its own sentence", (code) => {
    const arrived = told(new ProtocolError(code));
    expect(arrived.code).toBe(code);
    expect(arrived.message).toBe(sentenceOf(code));
    expect(arrived.retry).toBe(retryOf(code));
    expect(toWireError(new ProtocolError(code)).detail).toBeUndefined();
  });

  test("[E2] a detail and a time to wait arrive too", () => {
    const arrived = told(
      new ProtocolError("rate-limited", "Three times in a minute.", { retryAfterMs: 1_500.2 }),
    );
    expect(arrived.message).toBe("Three times in a minute.");
    expect(arrived.retryAfterMs).toBe(1_501);
  });

  test("[E3] a code that is not known reads as internal, and its sender says whether to try again", () => {
    const arrived = fromWireError({ code: "too-early", retry: "never" });
    expect(arrived.code).toBe("internal");
    expect(arrived.retry).toBe("never");
  });

  test.each(["toString", "constructor", "__proto__", "hasOwnProperty"])(
    "[E3] %s, which every object has, is no code",
    (code) => {
      const arrived = fromWireError({ code, retry: "later" });
      expect(arrived.code).toBe("internal");
      expect(arrived.message).toBe(sentenceOf("internal"));
    },
  );

  test("[E3] what a peer says of retrying does not overrule what we know of a code", () => {
    expect(fromWireError({ code: "blocked", retry: "now" }).retry).toBe("never");
  });

  test.each([
    ["two lines", "one\ntwo", "one\ufffdtwo"],
    ["text that reorders", "a\u202eb", "a\ufffdb"],
    ["half a character", "a\ud83d", "a\ufffd"],
    ["a character at the cut", `${"x".repeat(498)}€`, "x".repeat(498)],
    ["a byte order mark", "\ufeffa", "\ufffda"],
    ["a letter in two pieces", "e\u0301", "\u00e9"],
    ["a long one", "x".repeat(5_000), "x".repeat(500)],
    ["a long one of emoji", "😀".repeat(5_000), "😀".repeat(125)],
  ])("[E4] a detail that quotes %s is made sendable", (_, detail, sent) => {
    expect(told(new ProtocolError("unreachable", detail)).message).toBe(sent);
  });

  test("[E4] no more than a day is asked for", () => {
    const long = new ProtocolError("rate-limited", undefined, { retryAfterMs: 1e12 });
    expect(told(long).retryAfterMs).toBe(86_400_000);
  });
});
