/**
 * People who take part and have no engine: accounts with key packages that lie ready, so that a room grows to any size
 * without hundreds of engines. What is sent to them stays in their inboxes.
 */
import { nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import type { AccountId } from "@fedchat/protocol";
import type { MlsRoomCrypto } from "../../packages/engine/src/mls/mls-room.ts";
import type { HomeserverProcess } from "../relay/homeserver-process.ts";
import { join } from "../relay/load.ts";
import type { KnownPerson } from "./engine-messages.ts";

export interface Bystander extends KnownPerson {
  account: AccountId;
}

/** They live on these homeservers in turn. */
export async function crowd(
  crypto: MlsRoomCrypto,
  servers: readonly HomeserverProcess[],
  count: number,
): Promise<Bystander[]> {
  const all: Bystander[] = [];
  for (let at = 0; at < count; at += 1) {
    const { account, client } = await join(servers[at % servers.length]!, `bystander${at}`);
    const { signatureSeed, certificate } = account.devices[0]!;
    const capability = nodeRandom.bytes(16);
    const { keyPackage } = crypto.createKeyPackage(
      {
        signaturePrivateKey: signatureSeed,
        signaturePublicKey: nodePrimitives.ed25519.publicKey(signatureSeed),
        credential: certificate,
      },
      "classical",
    );
    await client.request("keyPackages.put", {
      ...{ suite: "classical", packages: [], lastResort: keyPackage, capability },
    });
    client.close();
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
    all.push({ account: account.id, record: hex(account.signed), capability: hex(capability) });
  }
  return all;
}
