/** The form of a room's group: its suites, its extensions, and whether one that we are to join has it. [W1] [W4] */
import type { RoomId } from "@fedchat/protocol";
import { DecodeError } from "@fedchat/protocol";
import * as mls from "@fedchat/mls";
import { checkLeaves } from "../room-state/leaves.ts";
import {
  decodeRoomState,
  encodeRoomState,
  roomStateComponent,
  type RoomState,
} from "../room-state/room-state.ts";
import { refusedBy, type RoomRefused } from "../room-state/rules.ts";
import { isEqual } from "./mls-key-package.ts";
import { leafOf, roomOf } from "./room-members.ts";
import { roomSuites, type RoomSuite } from "./room-crypto.ts";

export const groupIdBytes = 32;

/** RFC 9420 §17.5. */
const basicCredential = 1;

const required: mls.Extension = {
  type: mls.EXTENSION.requiredCapabilities,
  data: mls.encode(mls.requiredCapabilities, {
    extensions: [mls.EXTENSION.appDataDictionary],
    proposals: [mls.PROPOSAL_TYPE.app_data_update],
    credentials: [basicCredential],
  }),
};

/** Of the GroupContext. */
export function roomExtensions(room: RoomState): readonly mls.Extension[] {
  return [required, mls.appDataExtension([{ componentId: roomStateComponent, data: encodeRoomState(room) }])];
}

export function suiteOf(context: Pick<mls.GroupContext, "cipherSuite">): RoomSuite | undefined {
  if (context.cipherSuite === roomSuites.hybrid) return "hybrid";
  return context.cipherSuite === roomSuites.classical ? "classical" : undefined;
}

/** The rule that a group breaks as this room's; undefined where it is one. */
export function groupFault(
  { context, tree }: Pick<mls.GroupState, "context" | "tree">,
  room: RoomId,
): RoomRefused | undefined {
  if (!hasForm(context)) return refusedBy("group.form");
  const state = roomOf({ context });
  if (state.room !== room) return refusedBy("group.form");
  const leaves = [...mls.members(tree)].map(({ leaf }) => leafOf(leaf));
  const fault = checkLeaves(
    state,
    leaves.filter((leaf) => leaf !== undefined),
  );
  if (leaves.includes(undefined)) return refusedBy("leaf.device");
  return fault && refusedBy(fault);
}

function hasForm(context: mls.GroupContext): boolean {
  const { groupId, extensions } = context;
  if (suiteOf(context) === undefined || groupId.length !== groupIdBytes || extensions.length !== 2)
    return false;
  const [first, second] = extensions;
  if (first?.type !== required.type || !isEqual(first.data, required.data)) return false;
  if (second?.type !== mls.EXTENSION.appDataDictionary) return false;
  try {
    const [state, ...others] = mls.appDataDictionary(extensions);
    if (state?.componentId !== roomStateComponent || others.length > 0) return false;
    decodeRoomState(state.data);
    return true;
  } catch (error) {
    if (error instanceof mls.DecodeError || error instanceof DecodeError) return false;
    throw error;
  }
}
