/**
 * What a message is handed on by: its signature with what that covers, and who was in its group when. The content lies
 * with the message; what expires there is of no use here any more. [Z3] [Z4]
 */
import type { AccountId, DeviceId, MessageId, RoomId } from "@fedchat/protocol";
import type { Database } from "./database.ts";
import { insertRow, putRow, upTo } from "./database.ts";

export interface ProofRow {
  room: RoomId;
  device: DeviceId;
  counter: number;
  message: MessageId;
  previous: MessageId | null;
  groupId: Uint8Array;
  epoch: number;
  leaf: number;
  /** When it was sent, by its sender's clock. */
  created: number;
  /** The item before and behind its content. */
  head: Uint8Array;
  tail: Uint8Array;
  /** Empty: the message expired. */
  signature: Uint8Array;
}

export interface GroupMemberRow {
  groupId: Uint8Array;
  device: DeviceId;
  account: AccountId;
  key: Uint8Array;
  /** Epochs in which it was a member, as far as this device has seen; null: it still is. */
  first: number;
  last: number | null;
}

export class ProofsTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  put(row: ProofRow): void {
    putRow(this.#db, "messageProofs", row);
  }

  get(room: RoomId, device: DeviceId, counter: number): ProofRow | undefined {
    const sql = "SELECT * FROM messageProofs WHERE room = ? AND device = ? AND counter = ?";
    return this.#db.get<ProofRow>(sql, room, device, counter);
  }

  /** That it was there is remembered: whoever asks for it is told that it expired. */
  expire(message: MessageId): void {
    const sql = "UPDATE messageProofs SET head = x'', tail = x'', signature = x'' WHERE message = ?";
    this.#db.run(sql, message);
  }

  newestEpoch(groupId: Uint8Array): number | undefined {
    const sql = "SELECT max(epoch) AS epoch FROM groupEpochs WHERE groupId = ? AND own = 1";
    return this.#db.get<{ epoch: number | null }>(sql, groupId)!.epoch ?? undefined;
  }

  /** @param own this device was in that epoch itself, and so knows who else was */
  putEpoch(groupId: Uint8Array, epoch: number, context: Uint8Array, own: boolean): void {
    putRow(this.#db, "groupEpochs", { groupId, epoch, context, own: own ? 1 : 0 });
  }

  epoch(groupId: Uint8Array, epoch: number): { context: Uint8Array; own: 0 | 1 } | undefined {
    const sql = "SELECT context, own FROM groupEpochs WHERE groupId = ? AND epoch = ?";
    return this.#db.get(sql, groupId, epoch);
  }

  /** The newest ones whose contexts are here. */
  heldEpochs(groupId: Uint8Array, limit: number): number[] {
    const sql = `SELECT epoch FROM groupEpochs WHERE groupId = ? ORDER BY epoch DESC ${upTo}`;
    return this.#db.all<{ epoch: number }>(sql, groupId, limit).map(({ epoch }) => epoch);
  }

  /** Below this epoch, contexts without a message are of no use. */
  forgetEpochs(groupId: Uint8Array, below: number): void {
    this.#db.run(
      `DELETE FROM groupEpochs WHERE groupId = ? AND epoch < ? AND NOT EXISTS
        (SELECT 1 FROM messageProofs WHERE messageProofs.groupId = groupEpochs.groupId AND messageProofs.epoch = groupEpochs.epoch)`,
      groupId,
      below,
    );
  }

  /** Later epochs were lost: who came or went there did not, and what was signed there proves nothing to others. */
  goBack(groupId: Uint8Array, epoch: number): void {
    this.#db.run("DELETE FROM groupEpochs WHERE groupId = ? AND epoch > ?", groupId, epoch);
    this.#db.run("DELETE FROM messageProofs WHERE groupId = ? AND epoch > ?", groupId, epoch);
    this.#db.run("DELETE FROM groupMembers WHERE groupId = ? AND first > ?", groupId, epoch);
    this.#db.run("UPDATE groupMembers SET last = NULL WHERE groupId = ? AND last >= ?", groupId, epoch);
  }

  presentMembers(groupId: Uint8Array): GroupMemberRow[] {
    const sql = "SELECT * FROM groupMembers WHERE groupId = ? AND last IS NULL ORDER BY device";
    return this.#db.all<GroupMemberRow>(sql, groupId);
  }

  addMember(row: GroupMemberRow): void {
    insertRow(this.#db, "groupMembers", row);
  }

  endMember({ groupId, device, first }: GroupMemberRow, last: number): void {
    const sql = "UPDATE groupMembers SET last = ? WHERE groupId = ? AND device = ? AND first = ?";
    this.#db.run(sql, last, groupId, device, first);
  }

  /** As it was a member in that epoch. */
  memberIn(groupId: Uint8Array, device: DeviceId, epoch: number): GroupMemberRow | undefined {
    const sql = `SELECT * FROM groupMembers
      WHERE groupId = ? AND device = ? AND first <= ? AND (last IS NULL OR last >= ?)`;
    return this.#db.get<GroupMemberRow>(sql, groupId, device, epoch, epoch);
  }

  /** The earliest first. */
  memberships(groupId: Uint8Array, device: DeviceId): GroupMemberRow[] {
    const sql = "SELECT * FROM groupMembers WHERE groupId = ? AND device = ? ORDER BY first";
    return this.#db.all<GroupMemberRow>(sql, groupId, device);
  }

  devicesOf(groupId: Uint8Array, account: AccountId): DeviceId[] {
    const sql = "SELECT device FROM groupMembers WHERE groupId = ? AND account = ? AND last IS NULL";
    return this.#db.all<{ device: DeviceId }>(sql, groupId, account).map(({ device }) => device);
  }

  /** Whose device this is or was, in any group. */
  accountOf(device: DeviceId): AccountId | undefined {
    const sql = "SELECT account FROM groupMembers WHERE device = ? LIMIT 1";
    return this.#db.get<{ account: AccountId }>(sql, device)?.account;
  }
}
