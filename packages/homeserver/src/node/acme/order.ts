/** An order as the main thread sees it: starts its thread, answers its challenges, and ends it in any case. */
import { Worker } from "node:worker_threads";
import type { Clock } from "@fedchat/protocol";
import { acmeOrderTimeoutMs } from "../limits.ts";
import type { TlsCredentials } from "../tls-credentials.ts";
import type { ChallengeAnswer, FromOrder, OrderData, OrderFailure, ToOrder } from "./order-messages.ts";

export interface OrderOptions extends OrderData {
  /** Makes the answer to a challenge findable until it is disposed. */
  answer(answer: ChallengeAnswer): Promise<AsyncDisposable>;
  clock: Clock;
}

export interface Order extends AsyncDisposable {
  /** Never rejects. */
  outcome: Promise<{ credentials: TlsCredentials } | { failure: OrderFailure }>;
}

export function placeOrder({ settings, accountKey, answer, clock }: OrderOptions): Order {
  const data: OrderData = { settings, accountKey };
  const thread = new Worker(new URL("./order-thread.ts", import.meta.url), { workerData: data });
  const answers = new AsyncDisposableStack();
  const tell = (message: ToOrder) => thread.postMessage(message);

  async function findable(wanted: ChallengeAnswer): Promise<void> {
    try {
      answers.use(await answer(wanted));
      tell({ kind: "answering" });
    } catch (error) {
      const { code = "", message } = error as NodeJS.ErrnoException;
      tell({ kind: "cannot-answer", code, detail: message });
    }
  }

  const told = new Promise<Awaited<Order["outcome"]>>((resolve) => {
    const fail = (detail: string) => resolve({ failure: { stage: "reach", code: undefined, detail } });
    const tooLong = clock.after(acmeOrderTimeoutMs, () => fail("There was no answer in time."));
    thread.on("message", (message: FromOrder) => {
      if (message.kind === "answer") return void findable(message.answer);
      resolve(
        message.kind === "issued" ? { credentials: message.credentials } : { failure: message.failure },
      );
    });
    thread.once("error", (error) => fail(String(error)));
    thread.once("exit", () => {
      tooLong.cancel();
      fail("The order was given up.");
    });
  });
  const end = async () => {
    await thread.terminate();
    await answers.disposeAsync();
  };
  const outcome = told.then(async (result) => {
    await end();
    return result;
  });
  return { outcome, [Symbol.asyncDispose]: end };
}
