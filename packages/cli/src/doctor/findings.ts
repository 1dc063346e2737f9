/** What a check says in the end. Invariant: whatever went into a sentence, it fits the structure that carries it. */
import type { Finding } from "@fedchat/protocol";
import { cleanText } from "../terminal/clean.ts";

export type { Finding } from "@fedchat/protocol";

/** What was looked at: for programs, and for people. */
export interface Subject {
  check: string;
  title: string;
}

interface Fault {
  /** Stable; scripts rely on it. */
  code: string;
  sentence: string;
  fix?: string;
  action?: Finding["action"];
}

export const passed = (subject: Subject, sentence = ""): Finding => finding(subject, "passed", { sentence });

export const failed = (subject: Subject, fault: Fault): Finding => finding(subject, "failed", fault);

/** It works, and there is something to know. */
export const warning = (subject: Subject, fault: Fault): Finding => finding(subject, "warning", fault);

export const untestable = (subject: Subject, fault: Fault): Finding => finding(subject, "untestable", fault);

function finding(
  { check, title }: Subject,
  result: Finding["result"],
  fault: Omit<Fault, "code"> & { code?: string },
): Finding {
  const { code = null, sentence, fix, action = null } = fault;
  return {
    check,
    title: fit(title, 400),
    result,
    code,
    sentence: fit(sentence, 1_000),
    fix: fix === undefined ? null : fit(fix, 1_000),
    action,
  };
}

/** Clean, and cut to so many UTF-8 bytes. */
function fit(text: string, bytesMax: number): string {
  const clean = cleanText(text);
  if (Buffer.byteLength(clean) <= bytesMax) return clean;
  // A character that was cut in two decodes as U+FFFD, of three bytes.
  return `${Buffer.from(clean)
    .subarray(0, bytesMax - 6)
    .toString("utf8")}…`;
}
