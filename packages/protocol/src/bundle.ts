/**
 * What carries envelopes from a source homeserver to a destination homeserver (the term of RFC 9171). Relays read the
 * header; the body is sealed for the destination. Path and hop limit stay outside the authenticated part, so that
 * re-routing needs no resealing. [B1] to [B3]
 *
 * Layout: version 1 · class 1 · source 32 · destination 32 · stream 8 · sequence 8 · created 8 · lifetime 4 ·
 * encapsulation 32 · seal number 8 ‖ hop limit 1 · path length 1 · n × server 32 ‖ sealed body
 */
import { BinaryReader, BinaryWriter } from "./binary.ts";
import { ProtocolError } from "./errors.ts";
import { bundleBodyBytesMax, bundleHopsMax, bundleLifetimeMs } from "./limits.ts";
import type { ServerId } from "./names.ts";
import { serverId } from "./names.ts";

/** control: acknowledgements and stream state, unsequenced · messages · bulk: both reliable and ordered */
export const bundleClasses = { control: 0, messages: 1, bulk: 2 } as const;
export type BundleClass = keyof typeof bundleClasses;
export type StreamClass = Exclude<BundleClass, "control">;

export interface BundleHeader {
  class: BundleClass;
  source: ServerId;
  destination: ServerId;
  /** Rises whenever the source starts anew: max(previous + 1, Unix ms). 0 in class control. */
  stream: number;
  /** From 1, without holes. 0 in class control. */
  sequence: number;
  /** Unix ms by the source's clock. */
  created: number;
  /** Whole seconds on the wire. */
  lifetimeMs: number;
  /** HPKE encapsulated key (RFC 9180 §4.1), shared by many bundles. */
  encapsulation: Uint8Array;
  /** The HPKE sequence number of this bundle's seal; never used twice with one encapsulation. */
  sealNumber: number;
}

export interface BundleRoute {
  hopLimit: number;
  /** Relays still ahead, in order, without the destination; empty when direct. */
  path: ServerId[];
}

export interface Bundle {
  header: BundleHeader;
  route: BundleRoute;
  sealed: Uint8Array;
}

export const directRoute: BundleRoute = { hopLimit: bundleHopsMax, path: [] };
export const bundleVersion = 1;
export const bundleAadBytes = 1 + 1 + 32 + 32 + 8 + 8 + 8 + 4 + 32 + 8;
const tagBytes = 16;
const classOfCode = new Map(
  Object.entries(bundleClasses).map(([name, code]) => [code as number, name as BundleClass]),
);

/** The authenticated header: the AAD of the body's seal. [B2] */
export function bundleAad(header: BundleHeader): Uint8Array {
  return new BinaryWriter(bundleAadBytes)
    .u8(bundleVersion)
    .u8(bundleClasses[header.class])
    .raw(serverId.toBytes(header.source))
    .raw(serverId.toBytes(header.destination))
    .u64(header.stream)
    .u64(header.sequence)
    .u64(header.created)
    .u32(Math.floor(header.lifetimeMs / 1000))
    .raw(header.encapsulation)
    .u64(header.sealNumber)
    .finish();
}

/** The HPKE `info` of the context between two homeservers, bound to both. */
export function bundleSealInfo(source: ServerId, destination: ServerId): Uint8Array {
  return new TextEncoder().encode(`fedchat/v1/bundle\0${source}\0${destination}`);
}

export function encodeBundle(bundle: Bundle): Uint8Array {
  return encodeBundleParts(bundleAad(bundle.header), bundle.route, bundle.sealed);
}

/** From the stored authenticated header and sealed body: resending changes only the route. */
export function encodeBundleParts(aad: Uint8Array, route: BundleRoute, sealed: Uint8Array): Uint8Array {
  const writer = new BinaryWriter(aad.length + 2 + 32 * route.path.length + sealed.length);
  writer.raw(aad).u8(route.hopLimit).u8(route.path.length);
  for (const hop of route.path) writer.raw(serverId.toBytes(hop));
  return writer.raw(sealed).finish();
}

/** Decodes without opening. Throws `ProtocolError("malformed")` or `("unsupported-version")`. Parts are views. */
export function decodeBundle(source: Uint8Array): Bundle & { aad: Uint8Array } {
  const reader = new BinaryReader(source, "bundle");
  if (reader.u8() !== bundleVersion) throw new ProtocolError("unsupported-version");
  const bundleClass = classOfCode.get(reader.u8());
  if (bundleClass === undefined) throw reader.malformed("unknown class");
  const header: BundleHeader = {
    class: bundleClass,
    source: serverId.fromBytes(reader.raw(32)),
    destination: serverId.fromBytes(reader.raw(32)),
    stream: reader.u64(),
    sequence: reader.u64(),
    created: reader.u64(),
    lifetimeMs: reader.u32() * 1000,
    encapsulation: reader.raw(32),
    sealNumber: reader.u64(),
  };
  if ((bundleClass === "control") !== (header.sequence === 0))
    throw reader.malformed("sequence of its class");
  if ((bundleClass === "control") !== (header.stream === 0)) throw reader.malformed("stream of its class");
  if (header.lifetimeMs > bundleLifetimeMs) throw reader.malformed("lifetime");
  if (header.source === header.destination) throw reader.malformed("source is destination");
  const aad = source.subarray(0, bundleAadBytes);
  const hopLimit = reader.u8();
  const hops = reader.u8();
  if (hops > bundleHopsMax) throw reader.malformed("path too long");
  const path = Array.from({ length: hops }, () => serverId.fromBytes(reader.raw(32)));
  const sealed = reader.rest();
  if (sealed.length < tagBytes || sealed.length > bundleBodyBytesMax + tagBytes)
    throw reader.malformed("body size");
  return { header, route: { hopLimit, path }, sealed, aad };
}
