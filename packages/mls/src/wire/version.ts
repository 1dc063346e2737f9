/** Protocol versions (RFC 9420 §6): there is one. */
export const MLS10 = 1;
