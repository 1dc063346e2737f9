/** Three people on three homeservers, of whom two know only the third, and the room of many in which they talk. */
import type { Room } from "../src/interface/index.ts";
import type { Person, World } from "./world.ts";

export interface Three {
  alice: Person;
  bob: Person;
  carol: Person;
}

/** Alice has chats with Bob and with Carol, whose servers know nothing of each other. */
export async function threeOf(world: World): Promise<Three> {
  const alice = await (await world.home("alice.example")).person("Alice");
  const bob = await (await world.home("bob.example")).person("Bob");
  const carol = await (await world.home("carol.example")).person("Carol");
  for (const other of [bob, carol]) {
    await alice.link(other);
    await alice.call("requests.send", { who: await other.account(), text: "Shall we talk?" });
    const { requestId } = await other.request("pending");
    await other.call("requests.accept", { requestId });
  }
  await world.until(async () => {
    const contacts = await alice.call("contacts.list", {});
    return contacts.length === 2;
  }, "both are contacts");
  await world.pass(500);
  return { alice, bob, carol };
}

export async function group(person: Person, state: Room["state"] = "open"): Promise<Room> {
  return await person.home.world.until(
    async () =>
      (await person.call("rooms.list", {})).find((room) => room.kind === "group" && room.state === state),
    `a room of many that is ${state}`,
  );
}

export async function texts(person: Person, roomId: string): Promise<string[]> {
  const { messages } = await person.call("messages.list", { roomId, limit: 500 });
  return messages
    .filter(({ kind }) => kind === "text")
    .map(({ text, senderName }) => `${senderName}: ${text}`);
}

export async function lines(person: Person, roomId: string): Promise<string[]> {
  const { messages } = await person.call("messages.list", { roomId, limit: 500 });
  return messages.filter(({ kind }) => kind === "notice").map(({ text }) => text);
}

export async function sees(person: Person, roomId: string, ...wanted: string[]): Promise<void> {
  await person.home.world.until(
    async () => (await texts(person, roomId)).join("\n") === wanted.join("\n"),
    `'${wanted.join(", ")}', seeing '${(await texts(person, roomId)).join(", ")}'`,
  );
}

/** A room of all three, in which everybody has joined. */
export async function opened(world: World, known?: Three): Promise<Three & { roomId: string }> {
  const three = known ?? (await threeOf(world));
  const { alice, bob, carol } = three;
  const { roomId } = await alice.call("rooms.create", {
    name: "Hiking",
    people: [await bob.account(), await carol.account()],
  });
  for (const person of [bob, carol]) {
    await group(person, "invited");
    await person.call("rooms.join", { roomId });
  }
  for (const person of [alice, bob, carol]) {
    await world.until(async () => (await group(person)).group?.people === 3, "three people");
  }
  const wanted = (person: Person) => person.database.all("SELECT 1 FROM roomChanges").length;
  for (const person of [alice, bob, carol])
    await world.until(() => wanted(person) === 0, "keys that were renewed after joining");
  await world.pass(2_000);
  return { ...three, roomId };
}
