/**
 * A stranger who keeps knocking at a homeserver's link address, with nothing to say, until it is ended; prints of each
 * round how often it was told to come later. Arguments: host, port.
 */
import { linkPath } from "@fedchat/protocol";
import { dialWebSocket } from "@fedchat/protocol/node";

const [host, port] = process.argv.slice(2) as [string, string];

for (let round = 0; round < 1_000; round++) {
  const reasons = await Promise.all(Array.from({ length: 20 }, knock));
  console.log(reasons.filter((reason) => reason === "rate-limited").length);
  // Some forty a second: more than anybody may, and not all that this machine can do.
  await new Promise((resolve) => setTimeout(resolve, 500));
}

async function knock(): Promise<string> {
  const channel = await dialWebSocket({ host, port: Number(port) }, linkPath);
  const closed = new Promise<string>((resolve) => (channel.onClose = resolve));
  channel.send(Uint8Array.of(0));
  return closed;
}
