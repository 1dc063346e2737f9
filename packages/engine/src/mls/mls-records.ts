/** The states of our own MLS as the engine holds them, without knowing what is in them, and as it stores them. */
import * as mls from "@fedchat/mls";
import type { GroupChanges, GroupRecords, GroupState } from "./group-records.ts";

export const opaque = (state: mls.GroupState): GroupState => state as unknown as GroupState;
export const transparent = (state: GroupState): mls.GroupState => state as unknown as mls.GroupState;

export class MlsRecords implements GroupRecords {
  changes(before: GroupState | undefined, after: GroupState): GroupChanges {
    return mls.recordChanges(before && transparent(before), transparent(after));
  }

  restore(records: Iterable<readonly [string, Uint8Array]>): GroupState {
    return opaque(mls.restoreState(records));
  }

  erase(before: GroupState, after: GroupState | undefined): void {
    mls.eraseFormer(transparent(before), after && transparent(after));
  }
}
