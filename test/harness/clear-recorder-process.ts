/** The process of a clear recorder. Arguments: port to listen on, host and port of the homeserver, folder to write to. */
import { appendFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";

const [port, host, homeserverPort, folder] = process.argv.slice(2) as [string, string, string, string];
let connections = 0;

const server = createServer((near) => {
  const connection = String(connections++);
  const far = connect({ host, port: Number(homeserverPort), rejectUnauthorized: false });
  for (const [direction, from, to] of [
    ["in", near, far],
    ["out", far, near],
  ] as const) {
    const file = join(folder, `${connection}-${direction}`);
    from.on("data", (chunk: Buffer) => {
      // Written before it is passed on: what has an effect has been recorded.
      appendFileSync(file, chunk);
      to.write(chunk);
    });
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
});
server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
