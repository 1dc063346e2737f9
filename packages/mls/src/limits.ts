/** Every bound of this package, each with its reason. What happens at it is said where it is used. */

/** The longest vector that a length header can announce (RFC 9420 §2.1.2: 30 bits). */
export const LENGTH_MAX = 0x3fffffff;

/** Messages above this are refused unread: a Welcome with the tree of 10,000 hybrid leaves is about 16 MiB. */
export const MESSAGE_BYTES_MAX = 32 * 1024 * 1024;

/** Leaves of a ratchet tree: far above any room we make, and small enough that index arithmetic stays exact. */
export const LEAVES_MAX = 65_536;

/** Elements of a vector, where nothing smaller is said: as many as a full tree has leaves. */
export const VECTOR_ELEMENTS_MAX = 65_536;

/** Proposals in one Commit: as many as members that a full tree could lose and win at once. */
export const PROPOSALS_PER_COMMIT_MAX = 16_384;

/** Proposals cached in an epoch until a Commit names them; at the bound further ones are refused. */
export const PENDING_PROPOSALS_MAX = 4_096;

/** Pre-shared keys in one Commit or Welcome (the count is a uint16; each costs three HMACs). */
export const PSKS_MAX = 256;

/** How much of the past a state keeps; the defaults of `DEFAULT_RETENTION`, each set by the caller. */
export interface Retention {
  /** Former epochs whose messages can still be opened. */
  readonly epochs: number;
  /** Keys of skipped generations kept for one sender, for messages that overtook each other. */
  readonly skippedGenerations: number;
  /** How far ahead of the last generation a message may be: the work that one forged header can cost. */
  readonly forwardGenerations: number;
}

export const DEFAULT_RETENTION: Retention = {
  epochs: 5,
  skippedGenerations: 256,
  forwardGenerations: 2_000,
};
