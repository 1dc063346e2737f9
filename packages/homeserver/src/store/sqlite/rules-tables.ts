/** Who may deliver to whom (grants, blocks), what was refused, and the homeserver's own few values. */
import type { DatabaseSync } from "node:sqlite";
import type { AccountId, EnvelopeId, ServerId } from "@fedchat/protocol";
import type { RefusalRow, StoredState } from "../store.ts";
import { idBytes, idText } from "./ids.ts";

export type RulesTables = ReturnType<typeof rulesTables>;

export function rulesTables(db: DatabaseSync) {
  const putMeta = db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)");
  const putGrant = db.prepare("INSERT OR REPLACE INTO grants (account, peer, server) VALUES (?, ?, ?)");
  const deleteGrant = db.prepare("DELETE FROM grants WHERE account = ? AND peer = ?");
  const putBlock = db.prepare("INSERT OR REPLACE INTO blocks (account, peer) VALUES (?, ?)");
  const deleteBlock = db.prepare("DELETE FROM blocks WHERE account = ? AND peer = ?");
  const putRefusal = db.prepare(
    "INSERT OR REPLACE INTO refusals (account, envelope, server, code, at) VALUES (?, ?, ?, ?, ?)",
  );
  const refusalsOf = db.prepare(
    "SELECT server, code, at FROM refusals WHERE account = ? AND envelope = ? ORDER BY at",
  );
  const expireRefusals = db.prepare("DELETE FROM refusals WHERE at < ?");

  return {
    putMeta: (key: string, value: Uint8Array): void => void putMeta.run(key, value),

    putGrant(account: AccountId, peer: AccountId, server: ServerId): void {
      putGrant.run(idBytes(account), idBytes(peer), idBytes(server));
    },

    deleteGrant(account: AccountId, peer: AccountId): void {
      deleteGrant.run(idBytes(account), idBytes(peer));
    },

    putBlock(account: AccountId, peer: AccountId): void {
      putBlock.run(idBytes(account), idBytes(peer));
    },

    deleteBlock(account: AccountId, peer: AccountId): void {
      deleteBlock.run(idBytes(account), idBytes(peer));
    },

    putRefusal(row: RefusalRow): void {
      putRefusal.run(idBytes(row.account), idBytes(row.envelope), idBytes(row.server), row.code, row.at);
    },

    expireRefusals: (before: number): void => void expireRefusals.run(before),

    refusals(account: AccountId, envelopes: EnvelopeId[]): RefusalRow[] {
      return envelopes.flatMap((envelope) =>
        refusalsOf.all(idBytes(account), idBytes(envelope)).map((row) => ({
          account,
          envelope,
          server: idText<ServerId>(row["server"] as Uint8Array),
          code: row["code"] as string,
          at: row["at"] as number,
        })),
      );
    },

    load(): Pick<StoredState, "meta" | "grants" | "blocks"> {
      const meta = db.prepare("SELECT key, value FROM meta").all();
      const grants = db.prepare("SELECT account, peer, server FROM grants").all();
      const blocks = db.prepare("SELECT account, peer FROM blocks").all();
      return {
        meta: new Map(meta.map((row) => [row["key"] as string, row["value"] as Uint8Array])),
        grants: grants.map((row) => ({
          account: idText(row["account"] as Uint8Array),
          peer: idText(row["peer"] as Uint8Array),
          server: idText(row["server"] as Uint8Array),
        })),
        blocks: blocks.map((row) => ({
          account: idText(row["account"] as Uint8Array),
          peer: idText(row["peer"] as Uint8Array),
        })),
      };
    },
  };
}
