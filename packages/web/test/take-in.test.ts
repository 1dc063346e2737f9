import type { Room } from "@fedchat/engine/interface";
import { expect, test } from "vitest";
import { CallFailed } from "../src/rpc.ts";
import { openRoomWith, takeInto } from "../src/screens/takeIn.ts";
import type { App } from "../src/state/app.ts";

/** The rules of an engine that cannot take some people in: a refused call changes nothing. */
function engineWithout(refused: readonly string[]) {
  const rooms: { name: string; people: string[] }[] = [];
  const refuse = (who: readonly string[]) => {
    if (who.some((one) => refused.includes(one))) throw failed("no-keys-yet");
  };
  const call = async (method: string, params: { name?: string; people?: string[]; who?: string }) => {
    if (method === "rooms.create") {
      refuse(params.people!);
      rooms.push({ name: params.name!, people: [...params.people!] });
    } else {
      refuse([params.who!]);
      rooms.at(-1)!.people.push(params.who!);
    }
    return { roomId: String(rooms.length - 1) } as Room;
  };
  return { rooms, app: { call: call as App["call"] } };
}

const failed = (code: string) =>
  new CallFailed(-32000, { code, sentence: `refused: ${code}`, fix: null, retry: "later" });

const choir = { name: "Choir", size: "usual" } as const;

test("a room is opened with everybody in one step", async () => {
  const { rooms, app } = engineWithout([]);
  const { refusals } = await openRoomWith(app, choir, ["bob", "carol"]);
  expect(rooms).toEqual([{ name: "Choir", people: ["bob", "carol"] }]);
  expect(refusals).toEqual({});
});

test("one who cannot be taken in keeps nobody else out, and is named with the reason", async () => {
  const { rooms, app } = engineWithout(["carol"]);
  const { refusals } = await openRoomWith(app, choir, ["bob", "carol", "dan"]);
  expect(rooms).toEqual([{ name: "Choir", people: ["bob", "dan"] }]);
  expect(Object.keys(refusals)).toEqual(["carol"]);
  expect(refusals["carol"]?.code).toBe("no-keys-yet");
});

test("where the only one chosen cannot be taken in, no room is opened", async () => {
  const { rooms, app } = engineWithout(["carol"]);
  await expect(openRoomWith(app, choir, ["carol"])).rejects.toThrow(CallFailed);
  expect(rooms).toEqual([]);
});

test("a refusal that is about the room opens none", async () => {
  const call = () => Promise.reject(failed("disk-full"));
  await expect(openRoomWith({ call: call as App["call"] }, choir, ["bob", "carol"])).rejects.toThrow(
    "disk-full",
  );
});

test("people are added one by one, and refused one by one", async () => {
  const { rooms, app } = engineWithout(["carol"]);
  const { room } = await openRoomWith(app, choir, []);
  const { refusals } = await takeInto(app, room, ["carol", "dan"]);
  expect(rooms[0]?.people).toEqual(["dan"]);
  expect(Object.keys(refusals)).toEqual(["carol"]);
});
