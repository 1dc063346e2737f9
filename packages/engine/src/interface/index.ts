/** The engine's outward interface: what screens, scripts and bots may import of the engine, and nothing else. */
export * from "./events.ts";
export * from "./methods.ts";
export * from "./screens.ts";
export * from "./views.ts";
