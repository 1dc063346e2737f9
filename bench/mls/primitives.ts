/** What bounds all the rest: the signatures and multiplications that RFC 9420 asks for, by backend. */
import type { Backend } from "./ours.ts";
import { type Comparison, type Contender, type Round, sideBySide, timed } from "./rounds.ts";

/** Of a message of 400 bytes: what its signature covers. */
const signedBytes = 700;
const timesPerRound = 20;

export function primitiveCosts(backends: readonly Backend[], rounds: number): Promise<Comparison> {
  const contenders = backends.map(({ primitives: p, random }): Contender => {
    const [privateKey, content] = [random.bytes(32), random.bytes(signedBytes)];
    const publicKey = p.ed25519.publicKey(privateKey);
    const signature = p.ed25519.sign(privateKey, content);
    const peer = p.x25519.publicKey(random.bytes(32));
    const operations: Readonly<Record<string, () => unknown>> = {
      "Ed25519 sign": () => p.ed25519.sign(privateKey, content),
      "Ed25519 verify": () => p.ed25519.verify(publicKey, content, signature),
      "X25519 public key": () => p.x25519.publicKey(privateKey),
      "X25519 shared secret": () => p.x25519.sharedSecret(privateKey, peer),
    };
    return { name: p.name, round: () => roundOf(operations) };
  });
  return sideBySide(contenders, rounds);
}

async function roundOf(operations: Readonly<Record<string, () => unknown>>): Promise<Round> {
  const round: Record<string, Round[string]> = {};
  for (const [name, operation] of Object.entries(operations)) {
    const [taken] = await timed(timesPerRound, async () => {
      for (let time = 0; time < timesPerRound; time += 1) operation();
    });
    round[name] = taken;
  }
  return round;
}
