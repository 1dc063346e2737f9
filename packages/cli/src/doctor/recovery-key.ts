/** Whether others know of other words on paper for this homeserver than it did itself. */
import type { RecoveryStanding } from "@fedchat/homeserver";
import { commandName } from "../terminal/command-name.ts";
import type { Finding } from "./findings.ts";
import { failed, warning } from "./findings.ts";

const subject = { check: "recovery-key", title: "Words on paper" };

const ifNone = "If you never prepared any, somebody else has this server's key: its people should move away.";

/** Nothing where there is nothing to say. */
export function judgeRecoveryKey(standing: RecoveryStanding | undefined): Finding[] {
  switch (standing) {
    case undefined:
      return [];
    case "recalled":
      return [
        warning(subject, {
          code: "recovery-key-recalled",
          sentence:
            "This homeserver was put back from a backup from before its words on paper were prepared. Other servers still knew them, and so does it again.",
          fix: `Keep those words: they are good. ${ifNone}`,
        }),
      ];
    case "disputed":
      return [
        failed(subject, {
          code: "other-recovery-key",
          sentence:
            "Other servers know other words on paper for this homeserver than it names, and take none of its newer records.",
          fix: `With them the words that were prepared first count: ${commandName} server-key replace --unchecked. ${ifNone}`,
        }),
      ];
  }
}
