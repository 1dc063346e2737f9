import { describeStore } from "./store-contract.ts";
import { memoryPlace } from "./store-places.ts";

describeStore("memory", memoryPlace);
