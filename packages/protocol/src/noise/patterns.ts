/** The two handshake patterns of Noise (§7.5) that servers and devices use, token by token. */

/** `e`, `s`: a public key is sent. The others: a Diffie–Hellman of the initiator's first and the responder's second key. */
export type Token = "e" | "s" | "ee" | "es" | "se" | "ss";

export interface Pattern {
  readonly protocolName: string;
  /** Whether the initiator knows the responder's static key beforehand (the pre-message `<- s`). */
  readonly responderKnown: boolean;
  /** In turns, the initiator first. */
  readonly messages: readonly (readonly Token[])[];
}

export const patterns = {
  /** Both learn each other's key; three messages. For a first meeting. */
  XX: {
    protocolName: "Noise_XX_25519_AESGCM_SHA256",
    responderKnown: false,
    messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]],
  },
  /** The initiator knows whom it calls; two messages, the first already encrypted. */
  IK: {
    protocolName: "Noise_IK_25519_AESGCM_SHA256",
    responderKnown: true,
    messages: [
      ["e", "es", "s", "ss"],
      ["e", "ee", "se"],
    ],
  },
} as const satisfies Record<string, Pattern>;

export type PatternName = keyof typeof patterns;
