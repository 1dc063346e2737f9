/** What homeservers offer each other in the hello of a link. [L1] [S5] */

/** Rooms' logs: their questions, and bundles with entries. */
export const roomsFeature = "rooms";

/** Being shown a record of one's own that names a forgotten recovery key. [R7] */
export const recallingFeature = "recalling";

export const linkFeatures: string[] = [roomsFeature, recallingFeature];
