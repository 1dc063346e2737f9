/** How each link stands, and what would help where it does not. */
import type { LinkView } from "@fedchat/protocol";
import { fromWireError, sentenceOf } from "@fedchat/protocol";
import { linksShownMax } from "../limits.ts";
import { shownName } from "./dial-back.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, untestable } from "./findings.ts";

/** @param reached whether anybody reaches this server from outside, as far as is known */
export function judgeLinks(links: readonly LinkView[], reached: boolean | undefined): Finding[] {
  if (links.length === 0) {
    const fault = {
      code: "no-link",
      sentence: "No server is linked yet.",
      action: { kind: "linkServer" } as const,
    };
    return [untestable({ check: "links", title: "Links" }, fault)];
  }
  const shown = links.toSorted((a, b) => weight(a) - weight(b)).slice(0, linksShownMax);
  const findings = shown.map((link) => judgeLink(link, links, reached));
  const others = links.slice(linksShownMax);
  if (others.length === 0) return findings;
  const connected = links.filter(({ state }) => state === "connected").length;
  const sentence = `${connected} of ${links.length} are connected; those above come first.`;
  return [...findings, passed({ check: "links", title: "All links" }, sentence)];
}

/** Those that fail first. */
const weight = ({ trust, state }: LinkView): number =>
  trust === "blocked" ? 2 : state === "connected" ? 1 : 0;

function judgeLink(link: LinkView, links: readonly LinkView[], reached: boolean | undefined): Finding {
  const subject = { check: "links", title: `Link to ${shownName(link.server, links)}` };
  if (link.trust === "blocked") return untestable(subject, { code: "blocked", sentence: "You blocked it." });
  if (link.state === "connected") {
    const way =
      link.via.length === 0 ? "Directly" : `Through ${link.via.map((id) => shownName(id, links)).join(", ")}`;
    return passed(subject, link.trust === "mutual" ? `${way}.` : `${way}; linked one way only.`);
  }
  if (link.trust === "incoming" && link.error === null)
    return untestable(subject, { code: "not-linked", sentence: "It linked you, and is away now." });
  const error = link.error === null ? undefined : fromWireError(link.error);
  const general = error === undefined ? "It is being tried." : sentenceOf(error.code);
  const detail = error === undefined || error.message === general ? "" : ` ${error.message}`;
  const neither = error?.code === "unreachable" && reached === false;
  return failed(subject, {
    code: neither ? "neither-reached" : (error?.code ?? "connecting"),
    sentence:
      general + detail + (neither ? " It cannot dial you either: from outside nobody reaches you." : ""),
    fix: neither
      ? "If it is on, link a server that both of you reach as a relay, or ask for a new invitation, which names relays."
      : (fixes[error?.code ?? ""] ?? "It is tried again by itself."),
    action: { kind: "server", server: link.server },
  });
}

const fixes: Partial<Record<string, string>> = {
  unreachable: "Check that its machine is on and its address is right.",
  "not-fedchat": "Check its host and port, and a proxy's settings where there is one.",
  "wrong-server-key": "Check its server id with its owner.",
  "server-key-changed": "Ask its owner. If the change is right, unlink it and link it again.",
  "name-taken": "Give one of the two servers of that name a name of your own.",
  "handshake-failed": "Check both clocks, and update both sides.",
  "unsupported-version": "Update the older side.",
  blocked: "Its people decided so.",
};
