/** Whether another key stands under our name, or two linked servers under one. [L15] */
import type { LinkView, ServerId } from "@fedchat/protocol";
import { shownName } from "./dial-back.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, untestable } from "./findings.ts";

export function judgeNames(self: { server: ServerId; name: string }, links: readonly LinkView[]): Finding[] {
  const subject = { check: "name", title: `Name ${self.name}` };
  if (links.length === 0) {
    const sentence = "No server is linked that could know another of this name.";
    return [untestable(subject, { code: "no-link", sentence })];
  }
  const conflicts = links.flatMap((link) => conflictOf(self, link, links) ?? []);
  return conflicts.length > 0 ? conflicts : [passed(subject, "No linked server knows another of this name.")];
}

function conflictOf(
  self: { server: ServerId; name: string },
  link: LinkView,
  links: readonly LinkView[],
): Finding | undefined {
  const refused = link.error?.code === "name-taken";
  const them = shownName(link.server, links);
  const renaming = { kind: "server", server: link.server } as const;
  if (link.name === self.name && link.localName === null) {
    return failed(
      { check: "name", title: `Name ${self.name}` },
      {
        code: "name-conflict",
        sentence: `The server ${link.server.slice(0, 8)} has the same name as yours and another key.`,
        fix: "Give it a name of your own choice, or change yours (name in fedchat.toml).",
        action: renaming,
      },
    );
  }
  if (!refused) return undefined;
  const other = links.find((one) => one !== link && (one.localName ?? one.name) === link.name);
  if (other !== undefined && link.localName === null) {
    return failed(
      { check: "name", title: `Name ${link.name}` },
      {
        code: "name-conflict",
        sentence: `Two servers with different keys are called ${link.name}: ${link.server.slice(0, 8)} and ${other.server.slice(0, 8)}.`,
        fix: "Give one of the two a name of your own choice.",
        action: renaming,
      },
    );
  }
  return failed(
    { check: "name", title: `Name ${self.name}` },
    {
      code: "name-conflict",
      sentence: `${them} refuses this server: it knows another one, with another key, by the name ${self.name}.`,
      fix: `Choose another name (name in fedchat.toml), or ask the person of ${them} to give one of the two a name of their own.`,
    },
  );
}
