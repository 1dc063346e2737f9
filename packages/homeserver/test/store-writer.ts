/** A process that writes to a store until it is killed, and prints how many envelopes were answered as committed. */
import { openSqliteStore } from "../src/store/index.ts";
import { alice, deliver, delivery, opening, phone } from "./store-fixtures.ts";

const store = await openSqliteStore({ folder: process.argv[2]! });
await store.write([opening(alice, "alice", [phone])]);
let answered = 0;
for (let n = 0; n < 20_000; n += 2) {
  const written = store.write([deliver(delivery(n, [alice]), delivery(n + 1, [alice]))]);
  void written.then(() => process.stdout.write(`${(answered += 2)}\n`));
  if (n % 32 === 0) await written;
}
