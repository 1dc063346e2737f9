import { describeStore } from "./store-contract.ts";
import { describeCustody } from "./store-custody-contract.ts";
import { describeArchives } from "./store-archive-contract.ts";
import { describeRooms } from "./store-room-contract.ts";
import { memoryPlace } from "./store-places.ts";

describeStore("memory", memoryPlace);
describeCustody("memory", memoryPlace);
describeRooms("memory", memoryPlace);
describeArchives("memory", memoryPlace);
