/** Who of a room asked for a takeover, judged by the room as it is there. [W9] */
import type { AccountId, Primitives, RoomEntry, RoomTakeover } from "@fedchat/protocol";
import { isTakeoverBy } from "@fedchat/protocol";
import { participantOf, type RoomState } from "../room-state/room-state.ts";
import { isEqual, openCertificate } from "./credentials.ts";

/** Undefined where no device of a participant signed it. */
export function takeoverAsker(
  p: Primitives,
  room: RoomState,
  entry: RoomEntry,
  takeover: RoomTakeover,
): AccountId | undefined {
  const certificate = openCertificate(p, takeover.member);
  const devices = certificate && participantOf(room, certificate.account)?.devices;
  const isOn = devices?.some(
    ({ device, key }) => device === certificate?.device && isEqual(key, certificate.signatureKey),
  );
  if (certificate === undefined || isOn !== true) return undefined;
  return isTakeoverBy(p, certificate.signatureKey, entry, takeover) ? certificate.account : undefined;
}
