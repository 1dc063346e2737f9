/**
 * Our homeserver has another key, since its owner said that the former one was lost or stolen. Who answers in its place is
 * believed by the recovery key that the former one's record had named here; from then on this engine belongs to the new
 * key, and our record says so, by which contacts and rooms learn of it as of a move. [R9] [R10]
 */
import type { Primitives, ServerId, ServerRecord } from "@fedchat/protocol";
import { fingerprint, isReplacedBy, ProtocolError } from "@fedchat/protocol";
import type { Cause } from "../interface/index.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { causeOf, engineError } from "./causes.ts";
import type { HomeAddress, Homes } from "./homes.ts";
import type { HomeserverClient } from "./homeserver-client.ts";
import type { Identity } from "./identity.ts";
import type { Log } from "./log.ts";
import type { MovedAccounts } from "./moved-accounts.ts";
import type { Notices } from "./notices.ts";
import type { OwnRecords } from "./own-records.ts";
import type { Servers } from "./servers.ts";

export interface RenewedHomeserverPorts {
  store: Pick<EngineStore, "accounts" | "transaction">;
  identity: Identity;
  homes: Homes;
  servers: Servers;
  homeserver: HomeserverClient;
  movedAccounts: Pick<MovedAccounts, "tellAll">;
  ownRecords: Pick<OwnRecords, "bringOwn">;
  notices: Notices;
  /** Our homeserver, as this engine was opened. */
  server: ServerId;
  /** Where it is, if not beside this engine. */
  address: HomeAddress | undefined;
  primitives: Primitives;
  /** This engine is to be closed, and opened again on its store. */
  onRenewed: (server: ServerId) => void;
  log: Log;
}

export class RenewedHomeserver {
  readonly #ports: RenewedHomeserverPorts;
  #left = false;

  constructor(ports: RenewedHomeserverPorts) {
    this.#ports = ports;
  }

  /** Another server proved itself where ours was expected. */
  answered(record: ServerRecord): void {
    const { primitives, server, servers, store, homes, address, notices, onRenewed, log } = this.#ports;
    const said = record.replaces?.find((one) => one.server === server);
    const hash = servers.own.record?.recoveryKeyHash;
    if (this.#left || said === undefined || !isReplacedBy(primitives, record.key, said, hash)) return;
    this.#left = true;
    log.warn("the homeserver has another key: its owner says that the former one was lost or stolen", {
      former: server,
      server: record.key,
    });
    store.transaction(() => homes.renewed(record.key, address));
    notices.add("warning", renewed(record.key));
    onRenewed(record.key);
  }

  /** A session was opened, and our homeserver's record is known: ours may still name the former key. */
  async resume(): Promise<void> {
    const { identity, servers, server, homeserver, store, movedAccounts, ownRecords, notices } = this.#ports;
    const { record } = identity.record;
    if (record.server === server || !servers.isFormerOwn(record.server)) return;
    identity.renewedHome = { former: record.server, server };
    const accountSeed = identity.accountKey;
    if (accountSeed === undefined || record.guard !== undefined) return notices.add("warning", unsigned.data);
    const signed = identity.signNext({ accountSeed }, {});
    await homeserver.request("account.update", { record: signed });
    identity.transaction(() => {
      identity.update({ record: signed });
      const { account, handle, displayName, sequence } = identity.record.record;
      store.accounts.put({ account, server, handle, displayName, sequence, record: signed });
    });
    movedAccounts.tellAll();
    ownRecords.bringOwn();
  }
}

const renewed = (server: ServerId): Cause => ({
  ...causeOf(new ProtocolError("server-key-replaced")),
  sentence: `Your homeserver has another key: its owner says that the former one was lost or stolen. Its fingerprint is ${fingerprint(server)}.`,
  fix: "Ask the owner whether this is so. Your own key, chats and rooms are what they were; to leave, move the account to another homeserver.",
});

const unsigned = engineError(
  "account-key-needed",
  "Your homeserver has a new key, which your account does not name yet: this device does not hold the account's key.",
  "Open FedChat on the device that opened the account; or rename a device here, with the password or the recovery kit's words.",
);
