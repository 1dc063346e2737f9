/** Whose messages are missing in a room, and what is being done about it, as its lines say it. [Z2] */
import type { AccountId, DeviceId } from "@fedchat/protocol";
import type { Room } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RoomRow } from "../store/rooms-table.ts";

export interface GapSurroundings {
  connected: boolean;
  shown: (account: AccountId) => string;
}

export function gapLines(
  { missing, proofs }: Pick<EngineStore, "missing" | "proofs">,
  { id: room, state, peer }: RoomRow,
  { connected, shown }: GapSurroundings,
): Room["gaps"] {
  const nameOf = (device: DeviceId): string => {
    const account = proofs.accountOf(device) ?? peer;
    return account === null ? "somebody" : shown(account);
  };
  return missing.missingByDevice(room).map(({ device, count }) => {
    const name = nameOf(device);
    const ask = missing.ask(room, device);
    const them = count === 1 ? "it" : "them";
    let sentence = `FedChat asks for what ${name} sent.`;
    if (state !== "open") sentence = "Nobody can be asked for it: you are not in this room.";
    else if (!connected) sentence = "It is asked for as soon as your homeserver is reached.";
    else if (ask?.whom) sentence = `${nameOf(ask.whom)}'s FedChat is being asked for ${them}.`;
    else if (ask !== undefined && ask.rounds > 0)
      sentence = `Nobody who was asked has ${them} yet. FedChat asks again by itself.`;
    return { name, count, sentence };
  });
}
