/**
 * States of groups as a store sees them, of two or of many alike: values that nobody but their maker looks into, and
 * small records that a step puts and removes.
 */

declare const groupStateBrand: unique symbol;

/** One device's state of one group, in memory. It holds secrets, and nobody but its maker looks into it. */
export interface GroupState {
  readonly [groupStateBrand]: true;
}

/** What a store writes, in one transaction, to go from one state to the next. The records hold secrets. */
export interface GroupChanges {
  readonly put: ReadonlyMap<string, Uint8Array>;
  readonly remove: readonly string[];
}

export interface GroupRecords {
  /** From nothing (undefined) or a former state to this one. */
  changes(before: GroupState | undefined, after: GroupState): GroupChanges;

  /** The state whose changes added up to these records. Throws where they are no state: the store is damaged. */
  restore(records: Iterable<readonly [string, Uint8Array]>): GroupState;

  /**
   * Overwrites in memory what `before` holds and `after` does not, or all of it: once `after` is on disk, or once
   * `before` will never be. `before` is of no use from then on.
   */
  erase(before: GroupState, after: GroupState | undefined): void;
}
