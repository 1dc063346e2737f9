/** This machine's clock against those of others, by the `Date` of their HTTPS answers: whole seconds, good enough here. */
import type { LinkView, ServerAddress } from "@fedchat/protocol";
import { clockServersAsked, clockSkewMsMax, clockSkewWarnMs } from "../limits.ts";
import { shownName } from "./dial-back.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, untestable, warning } from "./findings.ts";
import { askHttps } from "./probes.ts";

const subject = { check: "clock", title: "Clock" };

/** Somebody's clock. */
export interface ClockSample {
  by: string;
  /** How far ours is ahead of theirs. */
  aheadMs: number;
}

/**
 * Linked servers are asked whether or not they are connected: clocks that differ by days are why links fail.
 * @param proxies of ours: those on other machines have clocks of their own
 */
export async function clockFinding(
  links: readonly LinkView[],
  proxies: readonly ServerAddress[],
  now: () => number,
): Promise<Finding> {
  const clocks = [
    ...links
      .filter(({ trust }) => trust !== "blocked")
      .map(({ server, addresses }) => ({ by: shownName(server, links), addresses })),
    ...proxies.map((address) => ({ by: `the proxy ${address.host}`, addresses: [address] })),
  ];
  const samples = await Promise.all(
    clocks.slice(0, clockServersAsked).map(({ by, addresses }) => sample(by, addresses, now)),
  );
  return judgeClock(samples.filter((one) => one !== undefined));
}

async function sample(
  by: string,
  addresses: readonly ServerAddress[],
  now: () => number,
): Promise<ClockSample | undefined> {
  const dates = await Promise.all(
    addresses.slice(0, 2).map(async (address) => {
      const began = now();
      const date = (await askHttps(address, "/i"))?.date;
      // Half-way between question and answer; the header is cut to whole seconds.
      return date === undefined ? undefined : (began + now()) / 2 - (date + 500);
    }),
  );
  const aheadMs = dates.find((one) => one !== undefined);
  return aheadMs === undefined ? undefined : { by, aheadMs };
}

export function judgeClock(samples: readonly ClockSample[]): Finding {
  const sorted = samples.toSorted((a, b) => a.aheadMs - b.aheadMs);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) {
    const sentence = "Nobody answers whose clock could be compared.";
    return untestable(subject, {
      code: "no-other-clock",
      sentence,
      fix: "Link a server, then run this again.",
    });
  }
  const offMs = Math.abs(middle.aheadMs);
  const agree = sorted.filter((one) => Math.abs(one.aheadMs - middle.aheadMs) < clockSkewWarnMs);
  if (offMs <= clockSkewWarnMs) return passed(subject, `As ${names(agree)}.`);
  const direction = middle.aheadMs > 0 ? "ahead of" : "behind";
  const whose = agree.length > 1 ? "" : ", or theirs is wrong";
  const sentence = `It is ${duration(offMs)} ${direction} ${names(agree)}${agree.length > 1 ? ", which agree" : ""}.`;
  const fix = `Set this machine's clock, best by NTP (timedatectl set-ntp true)${whose}.`;
  if (offMs <= clockSkewMsMax) return warning(subject, { code: "clock-off", sentence, fix });
  const breaks =
    "From a day on servers do not believe each other's records: links fail, and messages seem to have expired.";
  return failed(subject, { code: "clock-off", sentence: `${sentence} ${breaks}`, fix });
}

const names = (samples: readonly ClockSample[]): string => samples.map(({ by }) => by).join(", ");

function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${Math.max(1, minutes)} minutes`;
  const hours = Math.round(ms / 3_600_000);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
