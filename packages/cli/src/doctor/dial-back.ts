/** What linked servers said when they were asked to dial us. [L25] */
import type { DialBackReport } from "@fedchat/homeserver";
import { isNear } from "@fedchat/homeserver/node";
import type { LinkView, ServerAddress } from "@fedchat/protocol";
import { formatAddress } from "../config/text-forms.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, untestable, warning } from "./findings.ts";

/** One dial of ours by another server. */
export interface OutsideDial {
  /** As this person knows that server. */
  by: string;
  address: ServerAddress;
  code: string;
}

export function outsideDials(reports: readonly DialBackReport[], links: readonly LinkView[]): OutsideDial[] {
  return reports.flatMap((report) =>
    report.results.map(({ address, code }) => ({ by: asker(report, links), address, code })),
  );
}

export const samePlace = (a: ServerAddress, b: ServerAddress): boolean =>
  a.host === b.host && a.port === b.port;

/** @param self where this server says that it is reached, and the port that it listens on */
export function judgeDialBack(
  reports: readonly DialBackReport[],
  links: readonly LinkView[],
  self: { addresses: readonly ServerAddress[]; port: number },
): Finding {
  if (reports.length === 0) return nobodyToAsk(links);
  const dials = outsideDials(reports, links);
  if (dials.length === 0) {
    const { error } = reports[0]!;
    const sentence = `${asker(reports[0]!, links)} did not try: ${error?.message ?? "no address was told"}`;
    return untestable(subject, { code: error?.code ?? "nobody-tried", sentence });
  }
  const announced = (address: ServerAddress) => self.addresses.some((own) => samePlace(own, address));
  const seen = dials.find(({ address }) => !announced(address) && !isNear(address.host));
  const reached = dials.filter(({ code }) => code === "ok");
  if (reached.length === 0) return judgeUnreached(dials, seen, self);
  const sentence = `Reached at ${listed(reached.map(({ address }) => formatAddress(address)))} by ${listed(reached.map(({ by }) => by))}.`;
  if (!reached.some(({ address }) => announced(address))) {
    const text = `addresses = ["${formatAddress(reached[0]!.address)}"]`;
    return warning(subject, {
      code: "not-announced",
      sentence: `${sentence} Nobody is told that address.`,
      fix: "Announce it: write this into fedchat.toml, and start FedChat again.",
      action: { kind: "copy", text },
    });
  }
  if (dials.every(({ code, address }) => code === "ok" || !announced(address)))
    return passed(subject, sentence);
  const others = "Other addresses led nowhere: each attempt costs whoever dials you some time.";
  return warning(subject, { code: "some-not-reached", sentence: `${sentence} ${others}` });
}

const subject = { check: "dial-back", title: "Linked servers dial this one" };

function nobodyToAsk(links: readonly LinkView[]): Finding {
  const linked = links.some(({ trust }) => trust === "mutual");
  return untestable(subject, {
    code: "nobody-to-ask",
    sentence: linked
      ? "No server that linked you is connected now."
      : "No server has linked you yet, so nobody outside can be asked.",
    fix: linked ? "Run this again once one is connected." : "Link a server, or invite somebody.",
    ...(linked ? {} : { action: { kind: "invite" } as const }),
  });
}

/** That nobody reaches a machine in a private network is how it is there; it is a fault where a public address is announced. */
function judgeUnreached(
  dials: readonly OutsideDial[],
  seen: OutsideDial | undefined,
  { addresses, port }: { addresses: readonly ServerAddress[]; port: number },
): Finding {
  const tried = listed(dials.map(({ by }) => by));
  if (!addresses.every(({ host, kind }) => isNear(host) && kind !== "proxy")) {
    const sentence = `${tried} tried every address of yours, and none led here.`;
    return failed(subject, { code: "not-reached", sentence, fix: "See the addresses, each with its cause." });
  }
  const outside = seen === undefined ? "" : `, nor at ${seen.address.host}, where you come from`;
  return warning(subject, {
    code: "behind-router",
    sentence: `${tried} cannot dial you at your own addresses${outside}: this machine stands in a network of its own.`,
    fix: `Have the router pass port ${port} to this machine, by hand or by FedChat, or link a server that relays for you.`,
    action: { kind: "copy", text: "port_mapping = true" },
  });
}

const listed = (words: readonly string[]): string => [...new Set(words)].join(", ");

export function shownName(server: string, links: readonly LinkView[]): string {
  const link = links.find((one) => one.server === server);
  return link?.localName ?? (link?.name || server.slice(0, 8));
}

/** A directory is no link: its own name will do. */
const asker = ({ server, name }: DialBackReport, links: readonly LinkView[]): string =>
  links.some((link) => link.server === server) || name === "" ? shownName(server, links) : name;
