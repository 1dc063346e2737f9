/** The engine's interface as an OpenRPC 1.3 document, generated from the same table that validates every call. */
import { z } from "zod";
import { EngineEvent, methods } from "../interface/index.ts";

export function openRpcDocument(version: string): object {
  return {
    openrpc: "1.3.2",
    info: {
      title: "FedChat engine",
      version,
      description:
        "JSON-RPC 2.0. After engine.subscribe, notifications named `event` carry the schema `EngineEvent`.",
      license: { name: "Apache-2.0" },
    },
    methods: Object.entries(methods).map(([name, { summary, params, result }]) => ({
      name,
      summary,
      paramStructure: "by-name",
      params: parametersOf(z.toJSONSchema(params, { io: "input" })),
      result: { name: "result", schema: z.toJSONSchema(result) },
    })),
    components: { schemas: { EngineEvent: z.toJSONSchema(EngineEvent) } },
  };
}

function parametersOf(schema: z.core.JSONSchema.BaseSchema): object[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    required: required.has(name),
    schema: property,
  }));
}
