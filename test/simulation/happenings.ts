/**
 * What relays, custody and gossip did in a run, seen on links and disks, and counted: a run in which they took no part
 * shows nothing of them.
 */
import type { LinkControl, ServerId } from "@fedchat/protocol";
import { decodeLinkMessage } from "@fedchat/protocol";
import { decodeBatch } from "../../packages/protocol/src/noise/index.ts";
import type { WriteOp, WriteResult } from "../../packages/homeserver/src/store/store.ts";
import type { Homeserver } from "../../packages/homeserver/src/core/homeserver.ts";

export const happeningNames = [
  "circuits opened",
  "links relayed",
  "links re-routed",
  "relayed links made direct",
  "bundles taken into custody",
  "bundles handed on to the next relay",
  "bundles delivered from custody",
  "bundles refused by relays",
  "custody receipts",
  "records heard from others",
] as const;

/** As long as it runs, a homeserver tells its links. */
interface Linked {
  name: string;
  homeserver: Pick<Homeserver, "links"> | undefined;
}

type HappeningName = (typeof happeningNames)[number];

/** A batch without these words holds nothing that is counted; most do not, and need not be decoded. */
const countedWords = ["circuitOpen", "custodyRefused"].map((word) => Buffer.from(word));

export class Happenings {
  readonly counts: Record<string, number> = {};
  /** The relays of each link that is connected, by both ends. */
  readonly #via = new Map<string, string>();

  /** What a homeserver decrypted: a batch of a link, or anything else. */
  opened(plaintext: Uint8Array, self: ServerId): void {
    const searched = Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
    if (!countedWords.some((word) => searched.includes(word))) return;
    for (const control of controlsIn(plaintext)) {
      if (control.kind === "circuitOpen" && control.destination === self) this.#count("circuits opened");
      if (control.kind === "custodyRefused") this.#count("bundles refused by relays");
    }
  }

  /** An operation that is on disk. */
  stored(op: WriteOp, result: WriteResult): void {
    if (op.op === "custody.put" && op.row.class !== "control") this.#count("bundles taken into custody");
    if (op.op === "receipt.put") this.#count("custody receipts");
    if (op.op === "record.put" && op.hops > 0) this.#count("records heard from others");
    if (result.op !== "custody") return;
    const bundles = result.gone.filter(({ bytes }) => bytes > 0).length;
    if (op.op === "custody.handedOn") this.#count("bundles handed on to the next relay", bundles);
    if (op.op === "custody.taken") this.#count("bundles delivered from custody", bundles);
  }

  /** Looks which way links go now. */
  look(homeservers: readonly Linked[]): void {
    for (const { name, homeserver } of homeservers) {
      for (const { server, state, via } of homeserver?.links() ?? []) {
        if (state === "connected") this.#goes(`${name} ${server}`, via.join(" "));
      }
    }
  }

  #goes(link: string, via: string): void {
    const before = this.#via.get(link) ?? "";
    this.#via.set(link, via);
    if (via === before) return;
    if (via === "") this.#count("relayed links made direct");
    else this.#count(before === "" ? "links relayed" : "links re-routed");
  }

  #count(what: HappeningName, by = 1): void {
    if (by > 0) this.counts[what] = (this.counts[what] ?? 0) + by;
  }
}

function controlsIn(plaintext: Uint8Array): LinkControl[] {
  try {
    return decodeBatch(plaintext).flatMap((message) => {
      const decoded = decodeLinkMessage(message);
      return decoded.kind === "control" ? [decoded.control] : [];
    });
  } catch {
    // Not a link's: whatever else is sealed that holds such a word.
    return [];
  }
}
