import { signAs, signatureInput } from "../../src/index.ts";
import { alice, made, p, serverA } from "./cast.ts";
import { toHex, type Json } from "./json.ts";

/** Types with the seed that signs: whoever signs one kind of thing has signed no other. */
export function signatures(): Json {
  const body = made("a body to sign", 24);
  const device = alice.devices[0]!.signatureSeed;
  const types: [string, Uint8Array][] = [
    ["server-record", serverA.seed],
    ["account-record", alice.seed],
    ["device-certificate", alice.seed],
    ["account-note", device],
    ["client-session", device],
    ["account-recovery", alice.seed],
    ["account-guard", made("recovery key's seed")],
    ["room-entry", serverA.seed],
  ];
  const valid = types.map(([type, seed]) => ({
    type,
    seed: toHex(seed),
    publicKey: toHex(p.ed25519.publicKey(seed)),
    body: toHex(body),
    input: toHex(signatureInput(type, body)),
    signature: toHex(signAs(p, type, seed, body)),
  }));
  const one = valid[0]!;
  const bare = toHex(p.ed25519.sign(serverA.seed, body));
  return {
    about: [
      "valid: `seed` (the Ed25519 private key) signs `input`, which is `fedchat/v1/<type>`, a zero byte and `body`.",
      "invalid: the signature does not hold for this type, key and body.",
    ],
    valid,
    invalid: [
      { name: "another type", ...one, type: "account-record" },
      { name: "another key", ...one, publicKey: valid[1]!.publicKey },
      { name: "another body", ...one, body: toHex(made("another body", 24)) },
      { name: "a bit of the signature", ...one, signature: flipFirst(one.signature) },
      { name: "no type at all", ...one, signature: bare },
      { name: "too short", ...one, signature: one.signature.slice(2) },
    ].map(({ name, type, publicKey, body, signature }) => ({ name, type, publicKey, body, signature })),
  };
}

function flipFirst(hex: string): string {
  return (Number.parseInt(hex[0]!, 16) ^ 1).toString(16) + hex.slice(1);
}
