/**
 * One address that our record announces: what it resolves to, what answers there to this machine, and what linked
 * servers met there. Invariant: an address is called wrong only where somebody else was seen at it, or where others see
 * us come from elsewhere; that this machine cannot dial its own outside address proves nothing (many routers do not
 * turn such connections round).
 */
import type { ServerAddress, ServerId } from "@fedchat/protocol";
import { networkInterfaces } from "node:os";
import { isLoopback, isNear } from "@fedchat/homeserver/node";
import { formatAddress } from "../config/text-forms.ts";
import type { OutsideDial } from "./dial-back.ts";
import { samePlace } from "./dial-back.ts";
import type { Finding } from "./findings.ts";
import { failed, passed, untestable, warning } from "./findings.ts";
import type { Ask, Outcome } from "./probes.ts";
import { dialHere, resolveHost } from "./probes.ts";

export interface AddressFacts {
  address: ServerAddress;
  /** Where FedChat listens here. */
  port: number;
  /** What the host resolves to; none where there is no such name. */
  resolved: string[];
  /** Whether one of those is this machine's own. */
  isOwn: boolean;
  here: Outcome;
  /** By linked servers, at this address and at others. */
  outside: readonly OutsideDial[];
  /** All that our record announces. */
  announced: readonly ServerAddress[];
}

export async function addressFinding(
  address: ServerAddress,
  self: { server: ServerId; port: number; addresses: readonly ServerAddress[] },
  outside: Promise<readonly OutsideDial[]>,
  ask: Ask = dialHere,
): Promise<Finding> {
  const [resolved, here, dials] = await Promise.all([
    resolveHost(address.host),
    ask(address, self.server),
    outside,
  ]);
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((one) => one.address)),
  );
  const isOwn = resolved.some((host) => isLoopback(host) || own.has(host));
  const { port, addresses: announced } = self;
  return judgeAddress({ address, port, resolved, isOwn, here, outside: dials, announced });
}

export function judgeAddress(facts: AddressFacts): Finding {
  const { address, resolved, isOwn, here, outside } = facts;
  const place = formatAddress(address);
  const subject = { check: "address", title: `Address ${place}` };
  if (resolved.length === 0) {
    return failed(subject, {
      code: "no-such-host",
      sentence: `There is no host of the name ${address.host}, as far as this machine can find out.`,
      fix: "Make its DNS record, or correct addresses in fedchat.toml.",
    });
  }
  const names = resolved.includes(address.host) ? "" : ` It resolves to ${resolved.join(", ")}.`;
  const dials = outside.filter((dial) => samePlace(dial.address, address));
  const foreign = [here.code, ...dials.map(({ code }) => code)].find((code) => foreignCodes.has(code));
  if (foreign !== undefined) {
    const who = foreign === "wrong-server-key" ? "Another FedChat server" : "Something that is not FedChat";
    return failed(subject, {
      code: "wrong-address",
      sentence: `${who} answers there, so this is not an address of yours.${names}`,
      ...announcing(betterThan(facts)),
    });
  }
  const isPrivate = resolved.every(isNear);
  const reached = dials.find(({ code }) => code === "ok");
  if (reached !== undefined) return judgeReached(facts, `${reached.by} dialled it.${names}`, isPrivate);
  if (dials.length > 0 && !isPrivate) return judgeUnreached(facts, names);
  if (here.code === "ok" && isPrivate) {
    const onlyHere = resolved.every(isLoopback);
    const where = onlyHere ? "Only this machine reaches it." : "It answers in this network.";
    return judgeReached(facts, where + names, true);
  }
  if (here.code === "ok" || !(isOwn || isPrivate)) {
    return untestable(subject, {
      code: "not-asked",
      sentence:
        here.code === "ok"
          ? `It answers this machine; whether others get through, only they can tell.${names}`
          : `This machine cannot dial it (${here.sentence}), which many routers do not let it; whether others can, only they can tell.${names}`,
      fix: "Link a server: it is asked to dial you.",
      action: { kind: "invite" },
    });
  }
  return closed(facts, `${here.sentence}${names}`);
}

/** What answers with these codes is somebody else. */
const foreignCodes = new Set(["wrong-server-key", "not-fedchat"]);

function judgeReached({ address }: AddressFacts, sentence: string, isPrivate: boolean): Finding {
  const subject = { check: "address", title: `Address ${formatAddress(address)}` };
  if (!isPrivate || address.kind === "lan") return passed(subject, sentence);
  return warning(subject, {
    code: "private-address",
    sentence: `${sentence} It is an address of your own network: from outside nobody reaches it.`,
    fix: "Announce a public address, or call this one lan.",
  });
}

/** Linked servers dialled this public address, and nobody got through. */
function judgeUnreached(facts: AddressFacts, names: string): Finding {
  const { address, outside, resolved } = facts;
  const place = formatAddress(address);
  const subject = { check: "address", title: `Address ${place}` };
  const seen = betterThan(facts);
  if (seen !== undefined && !resolved.includes(seen.host) && !isNear(seen.host)) {
    const by = outside.find((dial) => samePlace(dial.address, seen))?.by ?? "A linked server";
    return failed(subject, {
      code: "wrong-address",
      sentence: `Nobody got through to it, and ${by} sees you come from ${seen.host}.${names}`,
      ...announcing(seen),
    });
  }
  const tried = [...new Set(outside.filter((dial) => samePlace(dial.address, address)).map(({ by }) => by))];
  return closed(facts, `${tried.join(", ")} dialled it and got no answer.${names}`);
}

function closed({ address, port, isOwn, here }: AddressFacts, sentence: string): Finding {
  const subject = { check: "address", title: `Address ${formatAddress(address)}` };
  const elsewhere = isOwn && here.code !== "ok" && address.port !== port;
  return failed(subject, {
    code: "port-closed",
    sentence: elsewhere ? `${sentence} FedChat listens on port ${port}.` : sentence,
    fix: elsewhere
      ? `Announce port ${port}, or start FedChat with --port ${address.port}.`
      : `Open port ${port} in this machine's firewall, and have the router pass port ${address.port} to this machine.`,
  });
}

/** Where linked servers see us come from; one where they also reached us first. */
function betterThan({ outside, announced }: AddressFacts): ServerAddress | undefined {
  const seen = outside.filter((dial) => !announced.some((address) => samePlace(address, dial.address)));
  return (seen.find(({ code }) => code === "ok") ?? seen[0])?.address;
}

function announcing(address: ServerAddress | undefined) {
  if (address === undefined || isNear(address.host))
    return { fix: "Correct addresses in fedchat.toml, then start FedChat again." };
  const text = `addresses = ["${formatAddress(address)}"]`;
  return {
    fix: "Announce the address that others see: write this into fedchat.toml, and start FedChat again.",
    action: { kind: "copy", text } as const,
  };
}
