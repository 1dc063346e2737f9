/**
 * Reads on at homeservers where this account lived before: what was on its way there when it moved, and what others still
 * send there because they have not heard of it. Each is told of the newer record, so that it says where the account is.
 * Invariant: what comes from there goes the same way as everything else, and is recognised where it came already. [A16]
 */
import type { ByteChannel, Clock, Primitives, RandomSource, ServerId } from "@fedchat/protocol";
import { openAccountRecord } from "@fedchat/protocol";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf } from "./causes.ts";
import type { FormerHome, Homes } from "./homes.ts";
import { HomeserverClient } from "./homeserver-client.ts";
import type { Identity } from "./identity.ts";
import type { InboxPorts } from "./inbox.ts";
import { Inbox } from "./inbox.ts";
import { formerHomeRetryMaxMs } from "./limits.ts";
import type { Log } from "./log.ts";
import type { Notices } from "./notices.ts";

export interface FormerHomesPorts {
  homes: Homes;
  store: Pick<EngineStore, "transport" | "transaction">;
  identity: Identity;
  /** Undefined where this engine cannot reach that homeserver at all. */
  connectTo: (home: FormerHome) => (() => Promise<ByteChannel>) | undefined;
  handlers: InboxPorts["handlers"];
  notices: Notices;
  /** Runs after each batch of items. */
  after: () => void;
  clock: Clock;
  random: RandomSource;
  primitives: Primitives;
  log: Log;
}

export class FormerHomes {
  readonly #ports: FormerHomesPorts;
  readonly #clients = new Map<ServerId, { client: HomeserverClient; inbox: Inbox }>();

  constructor(ports: FormerHomesPorts) {
    this.#ports = ports;
  }

  start(): void {
    for (const home of this.#ports.homes.former) {
      const connect = this.#ports.connectTo(home);
      if (connect !== undefined) this.#read(home, connect);
    }
  }

  /** Those at which it looks for what still comes there. */
  get looked(): ServerId[] {
    const held = new Set(this.#ports.homes.former.map(({ server }) => server));
    return [...this.#clients.keys()].filter((server) => held.has(server));
  }

  /** Whether it answers now. */
  isThere(server: ServerId): boolean {
    return this.#clients.get(server)?.client.state.kind === "connected";
  }

  async stop(): Promise<void> {
    for (const { client, inbox } of this.#clients.values()) {
      await client.stop();
      await inbox.stop();
    }
  }

  #read({ server, fencing }: FormerHome, connect: () => Promise<ByteChannel>): void {
    const { homes, store, identity, clock, random, primitives, log, notices, handlers, after } = this.#ports;
    const client = new HomeserverClient({
      ...{ connect, server: { id: server, noiseKey: undefined }, retryMaxMs: formerHomeRetryMaxMs },
      ...{ clock, random, primitives, log },
    });
    const transport = homes.cursors(server, store);
    const inbox = new Inbox({
      ...{ store: { transport, transaction: (work) => store.transaction(work) }, homeserver: client },
      ...{ clock, log, notices, handlers, after },
    });
    this.#clients.set(server, { client, inbox });
    client.identity = { ...identity.session, fencing };
    client.onItems = (items) => inbox.take(items);
    client.onOpened = (opened) => {
      homes.change(server, { fencing: opened.fencing });
      this.#tell(client, opened.record).catch((error: unknown) =>
        log.info("a former homeserver does not know of the move yet", { code: causeOf(error).code }),
      );
      void inbox.open(opened.inbox);
    };
    client.onState = () => {
      // The account is not there any more: nothing of ours can be.
      const code = client.state.error?.code;
      if (client.state.kind !== "waiting" || (code !== "unknown-account" && code !== "not-allowed")) return;
      homes.forget(server);
      void client.stop();
    };
    client.start();
  }

  async #tell(client: HomeserverClient, theirs: Uint8Array): Promise<void> {
    const { identity, primitives } = this.#ports;
    const { record, signed } = identity.record;
    if (openAccountRecord(primitives, theirs).record.sequence < record.sequence)
      await client.request("account.update", { record: signed });
  }
}
