/** The directories that this homeserver registers with, each by itself. */
import type { DirectoryView } from "@fedchat/protocol";
import { directoryFault } from "@fedchat/protocol";
import { formatAddress } from "../config/text-forms.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, untestable, warning } from "./findings.ts";

export function judgeDirectory(directory: DirectoryView): Finding {
  const { address, name, state, servers } = directory;
  const subject = { check: "directory", title: `Directory ${formatAddress(address)}` };
  if (state === "connected") {
    const others = servers === 1 ? "1 other server" : `${servers} other servers`;
    return passed(subject, `Registered${name === "" ? "" : ` with ${name}`}. It announced ${others}.`);
  }
  const fault = directoryFault(directory);
  if (fault === undefined)
    return untestable(subject, {
      code: "connecting",
      sentence: "It is being tried.",
      fix: "Run this again.",
    });
  const { code, fix } = fault;
  // A directory that is being registered with looks so for a moment.
  const judged = code === "not-registered" ? warning : failed;
  return judged(subject, { code, fix, sentence: `Not registered: ${fault.sentence}` });
}
