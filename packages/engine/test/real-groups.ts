/** The groups as the product has them, on Node's cryptography. */
import { sodiumPrimitives } from "@fedchat/mls";
import { nodePrimitives as nodeMlsPrimitives, withNativeSodium } from "@fedchat/mls/node";
import type { Clock } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { vouchesFor } from "../src/core/credentials.ts";
import { MlsGroupCrypto } from "../src/mls/mls-group.ts";

/** Whether a credential must be a device certificate with the leaf's key: not in tests of the groups by themselves. */
export async function realGroups(
  clock: Pick<Clock, "now">,
  vouches = vouchesFor(nodePrimitives),
): Promise<MlsGroupCrypto> {
  const primitives = withNativeSodium(nodeMlsPrimitives(await sodiumPrimitives()));
  return new MlsGroupCrypto({ primitives, random: nodeRandom, clock, vouches });
}
