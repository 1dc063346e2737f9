/** A bound limit. As a bare parameter SQLite would plan the statement anew at each binding, which takes longer than a page. */
export const upTo = "LIMIT 0 + ?";
