/** The engine for whoever composes a program: the isomorphic core. Node's adapters are `@fedchat/engine/node`. */
export { causeOf } from "./core/causes.ts";
export { openEngine, type Engine, type EngineOptions } from "./core/engine.ts";
export { EngineError } from "./core/engine-error.ts";
export type { OpaqueClient } from "./core/opaque-client.ts";
export { StoreFullError, StoreUnusableError, type Database } from "./store/database.ts";
