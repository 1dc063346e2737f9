/** The groups as the product has them, on Node's cryptography. */
import { sodiumPrimitives } from "@fedchat/mls";
import { nodePrimitives as nodeMlsPrimitives, withNativeSodium } from "@fedchat/mls/node";
import type { Clock } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { vouchesFor } from "../src/core/credentials.ts";
import { MlsRoomCrypto, type MlsRoomPorts } from "../src/mls/mls-room.ts";

const primitives = withNativeSodium(nodeMlsPrimitives(await sodiumPrimitives()));

export function realGroups(
  clock: Pick<Clock, "now">,
  bounds: Pick<MlsRoomPorts, "welcomeWithTreeBytesMax"> = {},
): MlsRoomCrypto {
  const vouches = vouchesFor(nodePrimitives);
  return new MlsRoomCrypto({
    primitives,
    protocolPrimitives: nodePrimitives,
    random: nodeRandom,
    clock,
    vouches,
    ...bounds,
  });
}
