/** Extension (RFC 9420 §7.2) and the registered types that mean something to us (§17.3). */
import { type Codec, decode, opaque, struct, uint16, vector } from "../codec/codec.ts";

export interface Extension {
  readonly type: number;
  readonly data: Uint8Array;
}

const extension: Codec<Extension> = struct<Extension>({ type: uint16, data: opaque });
export const extensions: Codec<readonly Extension[]> = vector(extension);

export const EXTENSION = {
  applicationId: 0x0001,
  ratchetTree: 0x0002,
  requiredCapabilities: 0x0003,
  externalPub: 0x0004,
  externalSenders: 0x0005,
  /** draft-ietf-mls-extensions §7.1 (suggested value). */
  appDataDictionary: 0x0006,
} as const;

/** RFC 9420 §7.2: every client has these; they are not listed in capabilities. */
export function isDefaultExtension(type: number): boolean {
  return type >= EXTENSION.applicationId && type <= EXTENSION.externalSenders;
}

/** The content of the extension of this type, decoded; undefined where there is none. */
export function findExtension<T>(list: readonly Extension[], type: number, codec: Codec<T>): T | undefined {
  const found = list.find((candidate) => candidate.type === type);
  return found && decode(codec, found.data);
}

/** The list with the extension of this type put in the place of the former one, or at the end. */
export function withExtension(list: readonly Extension[], added: Extension): Extension[] {
  if (!list.some((candidate) => candidate.type === added.type)) return [...list, added];
  return list.map((candidate) => (candidate.type === added.type ? added : candidate));
}
