/** A byte channel between two threads of one process: an engine beside its homeserver. */
import type { MessagePort } from "node:worker_threads";
import type { ByteChannel } from "../ports.ts";

/** Wraps one end of a `MessageChannel`. A closing message with the reason precedes the port's own close. */
export function messagePortChannel(port: MessagePort): ByteChannel {
  let closed = false;
  const channel: ByteChannel = {
    onMessage: undefined,
    onClose: undefined,
    send(frame) {
      if (closed) return;
      // An own buffer is moved, not copied; a view into a larger one would drag all of it along.
      const own = frame.byteLength === frame.buffer.byteLength ? frame : frame.slice();
      port.postMessage(own, [own.buffer as ArrayBuffer]);
    },
    bufferedBytes: () => 0,
    close(reason = "closed") {
      if (closed) return;
      closed = true;
      port.postMessage(reason);
      port.close();
    },
  };
  const end = (reason: string) => {
    if (closed) return;
    closed = true;
    port.close();
    channel.onClose?.(reason);
  };
  port.on("message", (message: Uint8Array | string) => {
    if (typeof message === "string") end(message);
    else if (!closed) channel.onMessage?.(message);
  });
  port.on("close", () => end("the other thread ended"));
  return channel;
}
