/** Under which keys the engine's operations take turns. */
import type { AccountId, RoomId } from "@fedchat/protocol";

export const roomKey = (room: RoomId): string => `room:${room}`;
/** Requests, answers, acceptance and blocking of one account. */
export const accountKey = (account: AccountId): string => `account:${account}`;
