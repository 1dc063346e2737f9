/** One change of a room's state, as an AppDataUpdate proposal carries it. [W2] */
import type { TypeOf } from "@fedchat/protocol";
import {
  accountId,
  bytes,
  decode,
  DecodeError,
  encode,
  limits,
  struct,
  tagged,
  uint,
} from "@fedchat/protocol";
import { roomUpdateBytesMax } from "./limits.ts";
import {
  hubsCodec,
  inviteCodec,
  joinCodec,
  roleCodec,
  roomNameCodec,
  successionCodec,
} from "./room-state.ts";

/** A signed account record. */
const record = bytes({ min: 1, max: limits.recordBytesMax * 4 });

const roomUpdate = tagged("kind", {
  rename: struct({ name: roomNameCodec }),
  rules: struct({ join: joinCodec, invite: inviteCodec }),
  hubs: struct({ hubs: hubsCodec }),
  admit: struct({ record, role: roleCodec }),
  /** A newer record of a participant: where it lives and its devices anew. */
  record: struct({ record }),
  role: struct({ account: accountId.codec, role: roleCodec }),
  remove: struct({ account: accountId.codec }),
  /** Of its sender's own account. */
  leave: struct({}),
  /** Removes too. */
  ban: struct({ account: accountId.codec }),
  unban: struct({ account: accountId.codec }),
  /** Who may own the room when its owners are gone; `days` 0: nobody. */
  succession: successionCodec,
  /** That the owners are gone, by the heir or a moderator; `at` is the time, Unix milliseconds. */
  claim: struct({ at: uint() }),
  /** That they are not, by an owner; by somebody else, that they claim no more. */
  unclaim: struct({}),
  /** That the claim's time has come. */
  succeed: struct({}),
  /** A new `infoKey`. */
  key: struct({ key: bytes(32) }),
});
export type RoomUpdate = TypeOf<typeof roomUpdate>;

export const encodeRoomUpdate = (update: RoomUpdate): Uint8Array => encode(roomUpdate, update);

/** Undefined where the bytes are none. */
export function decodeRoomUpdate(source: Uint8Array): RoomUpdate | undefined {
  if (source.length > roomUpdateBytesMax) return undefined;
  try {
    return decode(roomUpdate, source);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
