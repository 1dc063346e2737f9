/** Archives in tables: a segment's row is small, its pieces are appended once. */
import type { DatabaseSync } from "node:sqlite";
import type { AccountId } from "@fedchat/protocol";
import type { ArchiveOp, ArchiveResult, SegmentName, SegmentRow } from "../archive-store.ts";
import type { AccountTables } from "./accounts.ts";
import { idBytes, idText } from "./ids.ts";

export function archiveTables(db: DatabaseSync, accounts: AccountTables) {
  const find = db.prepare(
    "SELECT number AS row, total, held FROM archive_segments WHERE account = ? AND device = ? AND segment = ?",
  );
  const insert = db.prepare(
    "INSERT INTO archive_segments (account, device, segment, total, held) VALUES (?, ?, ?, ?, 0) RETURNING number AS row",
  );
  const grow = db.prepare("UPDATE archive_segments SET held = ? WHERE number = ?");
  const insertPiece = db.prepare("INSERT INTO archive_pieces (segment, offset, bytes) VALUES (?, ?, ?)");
  const dropPieces = db.prepare("DELETE FROM archive_pieces WHERE segment = ?");
  const drop = db.prepare("DELETE FROM archive_segments WHERE number = ?");
  const all = db.prepare(
    "SELECT device, segment, total, held FROM archive_segments WHERE account = ? ORDER BY device, segment",
  );
  const piece = db.prepare(
    "SELECT offset, bytes FROM archive_pieces WHERE segment = ? AND offset <= ? ORDER BY offset DESC LIMIT 1",
  );

  type Found = { row: number; total: number; held: number };
  const segmentOf = ({ account, device, number }: SegmentName): Found | undefined => {
    const holder = accounts.number(account);
    return holder === undefined
      ? undefined
      : (find.get(holder, idBytes(device), number) as Found | undefined);
  };

  return {
    apply(op: ArchiveOp): ArchiveResult | { op: "done" } {
      const { account, device } = op;
      if (op.op === "archive.drop") {
        for (const number of op.numbers) {
          const found = segmentOf({ account, device, number });
          if (found === undefined) continue;
          dropPieces.run(found.row);
          drop.run(found.row);
        }
        return { op: "done" };
      }
      const found = segmentOf(op);
      const held = found?.held ?? 0;
      if (op.offset !== held) return { op: "archive.put", held };
      const row =
        found?.row ??
        (insert.get(accounts.existing(account), idBytes(device), op.number, op.total) as Found).row;
      insertPiece.run(row, op.offset, op.bytes);
      grow.run(held + op.bytes.length, row);
      return { op: "archive.put", held: held + op.bytes.length };
    },

    list(account: AccountId): SegmentRow[] {
      const holder = accounts.number(account);
      const rows = holder === undefined ? [] : all.all(holder);
      return rows.map(({ device, segment, total, held }) => ({
        device: idText(device as Uint8Array),
        number: segment as number,
        total: total as number,
        held: held as number,
      }));
    },

    part(segment: SegmentName, offset: number): { total: number; bytes: Uint8Array } | undefined {
      const found = segmentOf(segment);
      if (found === undefined || offset >= found.held) return undefined;
      const { offset: from, bytes } = piece.get(found.row, offset) as { offset: number; bytes: Uint8Array };
      return { total: found.total, bytes: bytes.slice(offset - from) };
    },
  };
}
