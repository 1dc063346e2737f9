/** What linked servers said when they were asked to dial us. [L25] */
import type { DialBackReport } from "@fedchat/homeserver";
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

export function judgeDialBack(reports: readonly DialBackReport[], links: readonly LinkView[]): Finding {
  const subject = { check: "dial-back", title: "Linked servers dial this one" };
  if (reports.length === 0) {
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
  const dials = outsideDials(reports, links);
  if (dials.length === 0) {
    const { error } = reports[0]!;
    const sentence = `${asker(reports[0]!, links)} did not try: ${error?.message ?? "no address was told"}`;
    return untestable(subject, { code: error?.code ?? "nobody-tried", sentence });
  }
  const reached = dials.filter(({ code }) => code === "ok");
  const tried = [...new Set(dials.map(({ by }) => by))].join(", ");
  if (reached.length === 0) {
    const sentence = `${tried} tried every address of yours, and none led here.`;
    return failed(subject, { code: "not-reached", sentence, fix: "See the addresses, each with its cause." });
  }
  const places = [...new Set(reached.map(({ address }) => formatAddress(address)))].join(", ");
  const sentence = `Reached at ${places} by ${[...new Set(reached.map(({ by }) => by))].join(", ")}.`;
  if (reached.length === dials.length) return passed(subject, sentence);
  const others = "Other addresses led nowhere: each attempt costs whoever dials you some time.";
  return warning(subject, { code: "some-not-reached", sentence: `${sentence} ${others}` });
}

export function shownName(server: string, links: readonly LinkView[]): string {
  const link = links.find((one) => one.server === server);
  return link?.localName ?? (link?.name || server.slice(0, 8));
}

/** A directory is no link: its own name will do. */
const asker = ({ server, name }: DialBackReport, links: readonly LinkView[]): string =>
  links.some((link) => link.server === server) || name === "" ? shownName(server, links) : name;
