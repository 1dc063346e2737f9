/**
 * An engine by itself, told by its parent what to do: `node engine.ts DATABASE HOST PORT SERVERID TOKEN`. Its CPU time is
 * that of this process alone.
 */
import { silentLog, startEngineWorker } from "@fedchat/engine/node";
import { serverId } from "@fedchat/protocol";
import type { Awaited as Wanted, FromEngine, ToEngine } from "./engine-messages.ts";
import { knowContacts } from "./contacts.ts";

const [databasePath, host, port, id, token] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];

const start = () =>
  startEngineWorker({
    databasePath,
    server: { id: serverId.parse(id)!, noiseKey: undefined },
    homeserver: { host, port: Number(port) },
    registrationToken: Uint8Array.from(Buffer.from(token, "hex")),
    deviceName: "bench",
    log: silentLog,
    onCrash: (error) => {
      throw error;
    },
  });

let engine = await start();
process.on("message", (message: ToEngine) => void answer(message));
say({ kind: "ready" });

async function answer({ id: call, ...task }: ToEngine): Promise<void> {
  try {
    say({ kind: "result", id: call, result: await run(task) });
  } catch (error) {
    say({ kind: "failed", id: call, message: String(error) });
  }
}

async function run(task: Omit<ToEngine, "id">): Promise<unknown> {
  if (task.call !== undefined) return await engine.call(task.call.method, task.call.params);
  if (task.until !== undefined) return await until(task.until);
  if (task.know === undefined) return process.cpuUsage();
  // A store is one program's at a time.
  await engine[Symbol.asyncDispose]();
  knowContacts(databasePath, task.know);
  engine = await start();
  return null;
}

/** Resolves when a room has so many people, or a message with this text came. */
function until(wanted: Wanted): Promise<void> {
  return new Promise((resolve) => {
    const stop = engine.onEvent((event) => {
      const isThat =
        wanted.text === undefined
          ? event.type === "room.changed" &&
            event.room.roomId === wanted.roomId &&
            event.room.group?.people === wanted.people
          : event.type === "message.added" && event.message.text === wanted.text;
      if (!isThat) return;
      stop();
      resolve();
    });
  });
}

function say(message: FromEngine): void {
  process.send!(message);
}
