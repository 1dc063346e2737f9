/**
 * The keys under which an account's archives are sealed, in sealed storage. A device that is taken off the account's list
 * knows those of its time and no later one: whoever writes next makes another. [F7]
 */
import { decode, encode, ProtocolError } from "@fedchat/protocol";
import type { ArchiveKey } from "../archive/records.ts";
import { archiveKeys, keysRecord } from "../archive/records.ts";
import type { Identity } from "./identity.ts";
import type { SealedStoragePorts } from "./sealed-storage.ts";
import { getSealed, putSealed } from "./sealed-storage.ts";

export interface ArchiveKeysPorts extends SealedStoragePorts {
  identity: Identity;
}

export class ArchiveKeys {
  readonly #ports: ArchiveKeysPorts;
  #known: ArchiveKey[] | undefined;

  constructor(ports: ArchiveKeysPorts) {
    this.#ports = ports;
  }

  /** With a new session it is looked up again: another device may have made a key meanwhile. */
  forget(): void {
    this.#known = undefined;
  }

  /** All keys there are. Rejects with `ProtocolError`. */
  async all(): Promise<ArchiveKey[]> {
    if (this.#known !== undefined) return this.#known;
    const held = await getSealed(this.#ports, keysRecord);
    return (this.#known = held === undefined ? [] : decode(archiveKeys, held).keys);
  }

  /** The key to seal under now. Rejects with `ProtocolError`. */
  async current(): Promise<ArchiveKey> {
    const keys = await this.all();
    const newest = keys.at(-1);
    const devices = this.#ports.identity.record.certificates.map(({ device }) => device);
    const isKnownToOthers = newest?.devices.some((device) => !devices.includes(device)) ?? true;
    if (newest !== undefined && !isKnownToOthers && newest.devices.length === devices.length) return newest;
    // A device that came meanwhile is noted with the key that it knows.
    const next =
      newest !== undefined && !isKnownToOthers
        ? { ...newest, devices }
        : { generation: (newest?.generation ?? 0) + 1, key: this.#ports.random.bytes(32), devices };
    const all = [...keys.filter(({ generation }) => generation !== next.generation), next];
    try {
      await putSealed(this.#ports, keysRecord, encode(archiveKeys, { keys: all }));
    } catch (error) {
      // Another device was faster: its key will do.
      if (!(error instanceof ProtocolError) || error.code !== "conflict") throw error;
      this.forget();
      return await this.current();
    }
    this.#known = all;
    return next;
  }
}
