/** A real directory for the homeservers of an in-process world. */
import type { Clock } from "@fedchat/protocol";
import { ProtocolError, serverId, serverRecord } from "@fedchat/protocol";
import { nodePrimitives, nodeRandom } from "@fedchat/protocol/primitives/node";
import { Directory } from "../../homeserver/src/core/directory/directory.ts";
import type { DirectoriesConfig } from "../../homeserver/src/core/federation/directory-config.ts";
import { GroupCommit } from "../../homeserver/src/core/group-commit.ts";
import { MemoryStore } from "../../homeserver/src/store/memory-store.ts";
import type { TestChannel } from "../../homeserver/test/channel-pair.ts";
import { channelPair } from "../../homeserver/test/channel-pair.ts";
import { silentLog } from "../../homeserver/src/core/log.ts";

const port = 8443;

export class InProcessDirectory {
  readonly host: string;
  readonly config: DirectoriesConfig;
  readonly #directory: Directory;

  private constructor(host: string, config: DirectoriesConfig, directory: Directory) {
    this.host = host;
    this.config = config;
    this.#directory = directory;
  }

  /** @param lobby an encoded link into a room */
  static async start(clock: Clock, host: string, lobby?: Uint8Array): Promise<InProcessDirectory> {
    const [seed, noise] = [nodeRandom.bytes(32), nodeRandom.bytes(32)];
    const now = clock.now();
    const address = { host, port, kind: "direct" } as const;
    const record = {
      ...{ key: serverId.fromBytes(nodePrimitives.ed25519.publicKey(seed)), name: host },
      ...{ noiseKey: nodePrimitives.x25519.publicKey(noise), addresses: [address] },
      ...{ relays: [], relaysFor: "nobody" as const, neighbours: [], software: "fedchat test" },
      ...{ sequence: now, issued: now, expires: now + 30 * 86_400_000 },
    };
    const own = { record, signed: serverRecord.sign(nodePrimitives, seed, record) };
    const store = new MemoryStore();
    const directory = new Directory({
      ...{ state: await store.load(), commit: new GroupCommit(store, clock), clock, random: nodeRandom },
      ...{ primitives: nodePrimitives, noisePrivateKey: noise, ownRecord: () => own, log: silentLog },
      ...{ token: undefined, lobby },
      dialer: { dial: () => Promise.reject(new ProtocolError("unreachable")) },
    });
    const places = [{ address, server: undefined }];
    const config = { places, token: undefined, identify: () => Promise.resolve(own.signed) };
    return new InProcessDirectory(host, config, directory);
  }

  answer(from: string): TestChannel {
    const [near, far] = channelPair();
    void this.#directory.accept(far, { address: from, host: from, fromOutside: true });
    return near;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory.close();
  }
}
