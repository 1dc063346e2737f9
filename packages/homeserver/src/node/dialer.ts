/** Opens carriers to other homeservers: WebSockets over TLS whose certificate is not checked, since Noise is inside. */
import { dialWebSocket } from "@fedchat/protocol/node";
import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import type { Dialer } from "../core/federation/options.ts";

export const webSocketDialer: Dialer = {
  dial: (address, path, resolved) =>
    dialWebSocket(address, path, resolved === undefined ? {} : { lookup: telling(resolved) }),
};

/** The very look-up that the dial uses: another one could be answered otherwise. */
function telling(resolved: (addresses: readonly string[]) => void): LookupFunction {
  return (name, options, found) =>
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return found(error, "");
      resolved(addresses.map(({ address }) => address));
      if (options.all === true) return found(null, addresses);
      const [first] = addresses;
      found(null, first!.address, first!.family);
    });
}
