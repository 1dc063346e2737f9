/** `fedchat tail`: follows new messages of all conversations, for people and for scripts that resume by position. */
import type { Message } from "@fedchat/engine/interface";
import type { Command } from "commander";
import { connectControl } from "../control/client.ts";
import { CommandError, exitCodes } from "../exit-codes.ts";
import { followRetryMs, sincePageMessages } from "../limits.ts";
import type { CommonOptions } from "./define.ts";
import { define, numberOption } from "./define.ts";
import { messageLine } from "./describe.ts";
import type { Io } from "./io.ts";

interface TailFlags extends CommonOptions {
  from?: number;
  count?: number;
}

export function addTail(program: Command, io: Io): void {
  define(program, {
    usage: "tail",
    summary: "follow new messages of all conversations; goes on when FedChat restarts",
    example:
      "fedchat tail\nfedchat tail --json --from 120   # every message after position 120, each once, one JSON document a line",
  })
    .addOption(numberOption("--from <position>", "begin after this position", 0, Number.MAX_SAFE_INTEGER))
    .addOption(numberOption("--count <n>", "end after so many messages", 1, Number.MAX_SAFE_INTEGER))
    .action(async (flags: TailFlags) => {
      const { data } = io.config(flags).config;
      const titles = new Map<string, string>();
      let left = flags.count ?? Infinity;
      const onTitles = (rooms: { roomId: string; title: string }[]) => {
        for (const { roomId, title } of rooms) titles.set(roomId, title);
      };
      for await (const message of follow(data, flags.from, onTitles)) {
        if (flags.json) io.printJson(message);
        else io.print(messageLine(message, io.style, message.mine ? titles.get(message.roomId) : undefined));
        left -= 1;
        if (left <= 0) return;
      }
    });
}

/** Every message after a position, in order, each once; without a position those from now on. Never ends by itself. */
async function* follow(
  data: string,
  from: number | undefined,
  onTitles: (rooms: { roomId: string; title: string }[]) => void,
): AsyncGenerator<Message> {
  let after = from;
  let connectedBefore = false;
  for (;;) {
    try {
      using control = await connectControl(data);
      connectedBefore = true;
      const bell = new Bell();
      control.onEvent((event) => {
        if (event.type === "room.changed") onTitles([event.room]);
        if (event.type === "message.added") bell.ring();
      });
      void control.closed.then(() => bell.end());
      const { position } = await control.call("engine.subscribe", {});
      onTitles(await control.call("rooms.list", {}));
      after ??= position;
      // The events only say that there is something: the pages give the order and lose nothing.
      do {
        let page: Message[];
        do {
          page = await control.call("messages.since", { after, limit: sincePageMessages });
          for (const message of page) {
            yield message;
            after = message.position;
          }
        } while (page.length === sincePageMessages);
      } while (await bell.rung());
    } catch (error) {
      const away = error instanceof CommandError && error.exitCode === exitCodes.notRunning;
      if (!away || !connectedBefore) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, followRetryMs));
  }
}

/** Rung any number of times, heard once; a ring before anybody listens is kept. */
class Bell {
  #ringing = false;
  #ended = false;
  #wake: () => void = () => undefined;

  ring(): void {
    this.#ringing = true;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Resolves with true at the next ring, with false when there will be none. */
  async rung(): Promise<boolean> {
    if (!this.#ringing && !this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
    const ringing = this.#ringing;
    this.#ringing = false;
    return ringing && !this.#ended;
  }
}
