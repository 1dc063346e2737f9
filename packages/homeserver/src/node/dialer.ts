/** Opens carriers to other homeservers: WebSockets over TLS whose certificate is not checked, since Noise is inside. */
import { dialWebSocket } from "@fedchat/protocol/node";
import type { Dialer } from "../core/federation/options.ts";

export const webSocketDialer: Dialer = { dial: (address, path) => dialWebSocket(address, path) };
