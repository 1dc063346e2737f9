/** What homeservers offer each other in the hello of a link. [L1] [S5] */

/** Rooms' logs: their questions, and bundles with entries. */
export const roomsFeature = "rooms";

export const linkFeatures: string[] = [roomsFeature];
