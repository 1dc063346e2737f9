/** Which keys of an epoch are used up: those that this device sent with, and of each sender those that it received. */
import type { TypeOf } from "@fedchat/protocol";
import { skippedGenerationsMax, skippedKeysMax } from "../../packages/engine/src/mls/limits.ts";
import type { keysForm, Ratchet } from "./stub-room-forms.ts";

export type Keys = Readonly<TypeOf<typeof keysForm>>;
export type RatchetName = Ratchet["of"];

export const freshKeys: Keys = { application: 0, handshake: 0, received: [] };

export function afterSending(keys: Keys, of: RatchetName): Keys {
  return { ...keys, [of]: keys[of] + 1 };
}

/** The keys once this generation of a sender has been received, or why it cannot be. */
export function afterReceiving(
  keys: Keys,
  leaf: number,
  of: RatchetName,
  generation: number,
): Keys | "duplicate" | "too-far-ahead" {
  const known = keys.received.find((one) => one.leaf === leaf && one.of === of);
  const { next, missing }: Pick<Ratchet, "next" | "missing"> = known ?? { next: 0, missing: [] };
  const others = keys.received.filter((one) => one !== known);
  if (generation < next) {
    if (!missing.includes(generation)) return "duplicate";
    const left = missing.filter((one) => one !== generation);
    return { ...keys, received: [...others, { leaf, of, next, missing: left }] };
  }
  const skipped = generation - next;
  if (skipped > skippedGenerationsMax) return "too-far-ahead";
  const newly = Array.from({ length: Math.min(skipped, skippedKeysMax) }, (_, at) => generation - 1 - at);
  const kept = [...missing, ...newly.toReversed()].slice(-skippedKeysMax);
  return { ...keys, received: [...others, { leaf, of, next: generation + 1, missing: kept }] };
}
