/**
 * People who live each on a server of their own on a host of a lab: how they meet, what they say, and what became of it.
 * Everything is done as a script would do it, through the program's control socket.
 */
import type { Message, XrayStep } from "@fedchat/engine/interface";
import { expect } from "vitest";
import type { DialledAt, FedchatProcess } from "../harness/fedchat-process.ts";
import { startFedchat, until } from "../harness/fedchat-process.ts";
import type { LabHost } from "../harness/lab-host.ts";

/** What `a` says to ask `b` for a chat. */
export const requestText = (a: Resident, b: Resident) => `${a.name} asks ${b.name}: may I?`;

/** The port on which a server in a lab listens. */
export const labPort = 8443;

export class Resident implements AsyncDisposable {
  /** Of the server; its person is called the same with a capital letter. */
  readonly name: string;
  readonly account: string;
  #host: LabHost;
  #fedchat: FedchatProcess;

  private constructor(name: string, host: LabHost, fedchat: FedchatProcess, account: string) {
    this.name = name;
    this.#host = host;
    this.#fedchat = fedchat;
    this.account = account;
  }

  /** Starts a server on the host and opens its owner's account, who lets servers one hop beyond show them. */
  static async settle(name: string, host: LabHost, ...args: string[]): Promise<Resident> {
    const fedchat = await startFedchat({ name, inside: host, args });
    const { account } = await fedchat.call("account.create", { displayName: displayNameOf(name) });
    await fedchat.call("people.setVisibility", { visibility: "beyond" });
    return new Resident(name, host, fedchat, account);
  }

  /** The stopped server starts again on another host. */
  async move(host: LabHost, port: number, ...args: string[]): Promise<void> {
    const { data } = this.#fedchat;
    this.#host = host;
    this.#fedchat = await startFedchat({ name: this.name, inside: host, data, port, args });
  }

  get host(): LabHost {
    return this.#host;
  }

  get fedchat(): FedchatProcess {
    return this.#fedchat;
  }

  get displayName(): string {
    return displayNameOf(this.name);
  }

  get serverId(): string {
    return this.fedchat.info.serverId;
  }

  /** Our link with the other's server, as our screen shows it. */
  async linkWith(other: Resident) {
    const servers = await this.fedchat.call("servers.list", {});
    return servers.find(({ serverId }) => serverId === other.serverId);
  }

  async connectedWith(other: Resident): Promise<boolean> {
    return (await this.linkWith(other))?.state === "connected";
  }

  say(roomId: string, text: string): Promise<Message> {
    return this.fedchat.call("messages.send", { roomId, text });
  }

  async message(roomId: string, text: string): Promise<Message | undefined> {
    return (await this.#all(roomId)).find((message) => message.text === text);
  }

  /** What others wrote here, oldest first. */
  heard(roomId: string): Promise<string[]> {
    return this.#texts(roomId, false);
  }

  said(roomId: string): Promise<string[]> {
    return this.#texts(roomId, true);
  }

  async #texts(roomId: string, wanted: boolean): Promise<string[]> {
    const all = await this.#all(roomId);
    return all.filter(({ kind, mine }) => kind === "text" && mine === wanted).map(({ text }) => text);
  }

  /** Waits until a text of somebody else's is here. */
  hears(roomId: string, text: string, timeoutMs?: number): Promise<Message> {
    return until(
      `'${text}' arrives at ${this.name}`,
      async () => {
        const message = await this.message(roomId, text);
        return message?.mine === false && message;
      },
      timeoutMs,
    );
  }

  /** Waits until a message of ours came to this state. */
  learns(
    roomId: string,
    text: string,
    state: "submitted" | "delivered" | "read",
    timeoutMs?: number,
  ): Promise<Message> {
    return until(
      `${this.name} learns that '${text}' is ${state}`,
      async () => {
        const message = await this.message(roomId, text);
        return message?.stateAt[state] !== undefined && message;
      },
      timeoutMs,
    );
  }

  xray({ messageId }: Message): Promise<XrayStep[]> {
    return this.fedchat.call("messages.xray", { messageId });
  }

  /** A room's whole history, in pages. */
  async #all(roomId: string): Promise<Message[]> {
    const all: Message[] = [];
    for (let after = 0; ;) {
      const page = await this.fedchat.call("messages.list", { roomId, after, limit: 500 });
      all.push(...page.messages);
      if (!page.more.after) return all;
      after = page.messages.at(-1)!.position;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.fedchat[Symbol.asyncDispose]();
  }
}

const displayNameOf = (name: string): string => name[0]!.toUpperCase() + name.slice(1);

/** All of them at once; they go with the stack. */
export async function settleAll(
  stack: AsyncDisposableStack,
  places: readonly (readonly [name: string, host: LabHost, ...args: string[]])[],
): Promise<Resident[]> {
  const settled = await Promise.allSettled(places.map((place) => Resident.settle(...place)));
  const residents = settled.flatMap((one) => (one.status === "fulfilled" ? [stack.use(one.value)] : []));
  const failed = settled.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return residents;
}

/** `a` links the server of `b`, which links back. Only `a` needs to be able to dial. */
export async function link(
  a: Resident,
  b: Resident,
  at: DialledAt = { host: b.host.address, port: labPort },
): Promise<void> {
  await a.fedchat.call("servers.link", { ...at, serverId: b.serverId });
  await until(`${b.name} hears of ${a.name}`, async () => (await b.linkWith(a)) !== undefined);
  await b.fedchat.call("servers.linkBack", { serverId: a.serverId });
  await until(`${a.name} and ${b.name} are linked`, async () => {
    const server = await a.linkWith(b);
    return server?.trust === "mutual" && server.state === "connected";
  });
}

/** `a` finds `b` among people, here or one hop beyond, and asks; `b` accepts. @returns the room */
export async function becomeContacts(a: Resident, b: Resident): Promise<string> {
  await until(`${a.name} sees ${b.displayName}`, async () => {
    await a.fedchat.call("people.look", {});
    const people = await a.fedchat.call("people.list", {});
    return people.some(({ account }) => account === b.account);
  });
  await a.fedchat.call("requests.send", { who: b.account, text: requestText(a, b) });
  const request = await until(
    `the request of ${a.name} arrives at ${b.name}`,
    async () => {
      const requests = await b.fedchat.call("requests.list", {});
      return requests.find(({ account, state }) => account === a.account && state === "pending");
    },
    60_000,
  );
  const { roomId } = await b.fedchat.call("requests.accept", { requestId: request.requestId });
  await roomOpens(a, roomId);
  return roomId;
}

/** `b` makes an invitation, and `a` uses it. @returns the room */
export async function invite(a: Resident, b: Resident): Promise<string> {
  const { link: text } = await b.fedchat.call("invitations.create", {});
  const { requestId } = await until(`${a.name} finds the server of ${b.name}`, () =>
    a.fedchat.call("invitations.accept", { link: text! }),
  );
  const roomId = await until(
    `${a.name} is let in by ${b.name}`,
    async () => {
      const requests = await a.fedchat.call("requests.list", {});
      return requests.find((request) => request.requestId === requestId)?.roomId ?? undefined;
    },
    60_000,
  );
  await roomOpens(b, roomId);
  return roomId;
}

const roomOpens = (at: Resident, roomId: string) =>
  until(`the room opens at ${at.name}`, async () =>
    (await at.fedchat.call("rooms.list", {})).some((room) => room.roomId === roomId),
  );

/** Two people and their room. */
export interface Pair {
  a: Resident;
  b: Resident;
  roomId: string;
}

/** Each says something, which arrives once, is delivered and read, and both know it. */
export async function talk({ a, b, roomId }: Pair, about: string, timeoutMs?: number): Promise<void> {
  const both = [
    [a, b],
    [b, a],
  ] as const;
  await Promise.all(
    both.map(async ([from, to]) => {
      const text = `${from.name} to ${to.name}: ${about}`;
      await from.say(roomId, text);
      const { messageId } = await to.hears(roomId, text, timeoutMs);
      await from.learns(roomId, text, "delivered", timeoutMs);
      await to.fedchat.call("messages.markRead", { roomId, messageId });
      const { stateAt } = await from.learns(roomId, text, "read", timeoutMs);
      expect(stateAt.delivered).toBeLessThanOrEqual(stateAt.read!);
    }),
  );
}

/** Everything that each said in a room is at the other, once and in order. */
export async function expectNothingLostOrTwice(pairs: readonly Pair[]): Promise<void> {
  for (const { a, b, roomId } of pairs) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      expect(await to.heard(roomId), `${from.name} to ${to.name}`).toEqual(await from.said(roomId));
    }
  }
}

/** What everything took, in seconds, for the report at the end of a test. */
export function stopwatch(): (what: string) => void {
  let last = performance.now();
  const begun = last;
  return (what) => {
    const now = performance.now();
    console.log(`${((now - begun) / 1_000).toFixed(1)} s (+${((now - last) / 1_000).toFixed(1)}) ${what}`);
    last = now;
  };
}
