/**
 * A load generator's people: accounts with one device each on a homeserver process, and messages between pairs of
 * them. Payloads are opaque bytes that carry the moment of sending; there is no MLS here, so that what is measured is
 * the homeserver.
 */
import type { InboxItem, ServerId } from "@fedchat/protocol";
import { clientPath, envelopeId } from "@fedchat/protocol";
import { dialWebSocket, nodeClock, nodeRandom } from "@fedchat/protocol/node";
import { nodePrimitives } from "@fedchat/protocol/primitives/node";
import { TestClient } from "../../packages/homeserver/test/client.ts";
import { makeAccount } from "../../packages/homeserver/test/test-account.ts";
import type { TestAccount } from "../../packages/homeserver/test/test-account.ts";
import type { HomeserverProcess } from "./homeserver-process.ts";

export interface Person {
  account: TestAccount;
  client: TestClient;
  server: ServerId;
}

/** Opens an account and its session on a homeserver. */
export async function join(server: HomeserverProcess, handle: string): Promise<Person> {
  const account = makeAccount(
    { primitives: nodePrimitives, random: nodeRandom },
    { server: server.id, handle, nowMs: Date.now() },
  );
  const client = await TestClient.connect({
    carrier: await dialWebSocket({ host: "127.0.0.1", port: server.port }, clientPath),
    server: server.id,
    device: account.devices[0]!,
    clock: nodeClock,
    random: nodeRandom,
    primitives: nodePrimitives,
  });
  await client.subscribe(await client.register(account.signed, server.token));
  return { account, client, server: server.id };
}

/** One sender and one recipient, and what arrived. */
export class Pair {
  readonly #from: Person;
  readonly #to: Person;
  readonly #payloadBytes: number;
  /** Called with the message's age in ms at each arrival. */
  onArrival: (ageMs: number) => void = () => undefined;

  constructor(from: Person, to: Person, payloadBytes: number) {
    this.#from = from;
    this.#to = to;
    this.#payloadBytes = payloadBytes;
    to.client.onItem = (item) => this.#arrived(item);
  }

  /** Sends one message; resolves when the sender's homeserver has it on disk. */
  send(): Promise<void> {
    const payload = new Uint8Array(this.#payloadBytes);
    new DataView(payload.buffer).setFloat64(0, performance.now());
    return this.#from.client.submit({
      id: envelopeId.fromBytes(nodeRandom.bytes(16)),
      kind: "room",
      created: Date.now(),
      destinations: [{ server: this.#to.server, accounts: [this.#to.account.id] }],
      payload,
    });
  }

  #arrived(item: InboxItem): void {
    if (item.position % 64 === 0) this.#to.client.acknowledge(item.position);
    const view = new DataView(item.payload.buffer, item.payload.byteOffset);
    this.onArrival(performance.now() - view.getFloat64(0));
  }
}
