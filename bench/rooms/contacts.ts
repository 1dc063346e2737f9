/**
 * Writes contacts into an engine's store while it is closed: hundreds of requests and acceptances would take longer than
 * what is measured, and no engine runs for those people.
 */
import { openAccountRecord, roomId } from "@fedchat/protocol";
import { nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { openSqliteDatabase } from "../../packages/engine/src/node/sqlite-database.ts";
import { openEngineStore } from "../../packages/engine/src/store/engine-store.ts";
import type { KnownPerson } from "./engine-messages.ts";

export function knowContacts(databasePath: string, people: readonly KnownPerson[]): void {
  const store = openEngineStore(openSqliteDatabase(databasePath));
  store.transaction(() => {
    for (const { record, capability } of people) {
      const signed = Uint8Array.from(Buffer.from(record, "hex"));
      const { account, server, handle, displayName, sequence } = openAccountRecord(
        nodePrimitives,
        signed,
      ).record;
      store.accounts.put({ account, server, handle, displayName, sequence, record: signed });
      store.accounts.putContact({
        ...{ account, nickname: null, room: roomId.fromBytes(nodeRandom.bytes(16)), since: Date.now() },
        ...{ capability: Uint8Array.from(Buffer.from(capability, "hex")), capabilityTold: 1 },
      });
    }
  });
  store.close();
}
