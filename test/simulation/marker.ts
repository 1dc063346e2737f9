/** In every text that is sent: what a homeserver must never hold. */
export const marker = "nobody else may read this";
