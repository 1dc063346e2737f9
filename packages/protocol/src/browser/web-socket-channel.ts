/**
 * A byte channel over a browser's WebSocket. Trust: none in what carries it; identity and secrecy come from the Noise
 * handshake inside, and the browser checks the certificate besides. It cannot ping: the homeserver does.
 */
import { ProtocolError } from "../errors.ts";
import { frameBytesMax } from "../limits.ts";
import type { ByteChannel } from "../ports.ts";

const dialTimeoutMs = 8_000;

/**
 * @param url `wss://host/path`
 * Rejects with `unreachable`: a browser hides why.
 */
export function dialBrowserSocket(url: string): Promise<ByteChannel> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const fail = () => {
      clearTimeout(timer);
      socket.close();
      reject(new ProtocolError("unreachable", `${new URL(url).host}: no answer.`));
    };
    const timer = setTimeout(fail, dialTimeoutMs);
    socket.onerror = socket.onclose = fail;
    socket.onopen = () => {
      clearTimeout(timer);
      resolve(channelOver(socket));
    };
  });
}

function channelOver(socket: WebSocket): ByteChannel {
  let closed = false;
  const channel: ByteChannel = {
    onMessage: undefined,
    onClose: undefined,
    send(frame) {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame as Uint8Array<ArrayBuffer>);
    },
    bufferedBytes: () => socket.bufferedAmount,
    close: (reason = "closed") => socket.close(1000, reason.slice(0, 120)),
  };
  const end = (reason: string) => {
    if (closed) return;
    closed = true;
    self.removeEventListener("offline", wentOffline);
    channel.onClose?.(reason);
  };
  // Else a connection over a network that is gone looks open for minutes.
  const wentOffline = () => {
    socket.close();
    end("this machine is offline");
  };
  self.addEventListener("offline", wentOffline);
  socket.onerror = null;
  socket.onclose = ({ reason, code }) => end(reason || `closed (${code})`);
  socket.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (!(data instanceof ArrayBuffer) || data.byteLength > frameBytesMax + 16)
      return socket.close(1003, "binary frames within the bound only");
    if (!closed) channel.onMessage?.(new Uint8Array(data));
  };
  return channel;
}
