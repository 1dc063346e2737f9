/** What the engine tells its subscribers, as JSON-RPC notifications of the method `event`. Each carries the whole new view. */
import { z } from "zod";
import { Screens } from "./screens.ts";
import {
  Contact,
  Devices,
  Invitation,
  Message,
  MessageIdText,
  Nearby,
  Notice,
  Person,
  Request,
  Room,
  RoomAsk,
  RoomIdText,
  Server,
  ServerIdText,
  Status,
} from "./views.ts";

export const EngineEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("status.changed"), status: Status }),
  z.object({ type: z.literal("server.changed"), server: Server }),
  z.object({ type: z.literal("server.removed"), serverId: ServerIdText }),
  z.object({ type: z.literal("nearby.changed"), nearby: Nearby }),
  z.object({ type: z.literal("people.changed"), serverId: ServerIdText, people: z.array(Person) }),
  z.object({ type: z.literal("request.changed"), request: Request }),
  z.object({ type: z.literal("contact.changed"), contact: Contact }),
  z.object({ type: z.literal("invitation.changed"), invitation: Invitation }),
  z.object({ type: z.literal("room.changed"), room: Room }),
  z.object({ type: z.literal("roomAsk.changed"), ask: RoomAsk }),
  z.object({ type: z.literal("message.added"), message: Message }),
  z.object({ type: z.literal("message.changed"), message: Message }),
  z.object({
    type: z.literal("message.removed").describe("it expired"),
    messageId: MessageIdText,
    roomId: RoomIdText,
  }),
  z.object({ type: z.literal("draft.changed"), roomId: RoomIdText, text: z.string() }),
  z
    .object({ type: z.literal("history.changed"), roomId: RoomIdText })
    .describe(
      "messages of before came into the room, or moved in it: what was listed of it is to be listed anew",
    ),
  z.object({ type: z.literal("notice.added"), notice: Notice }),
  z.object({ type: z.literal("devices.changed"), devices: Devices }),
  z.object({ type: z.literal("screens.changed"), screens: Screens }),
]);
export type EngineEvent = z.infer<typeof EngineEvent>;
