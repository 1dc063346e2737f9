/**
 * JSON-RPC 2.0 in front of an engine: one connection is a channel of text lines, whatever carries it (WebSocket, unix
 * socket, standard input and output, a worker's port). Parameters are validated before the engine sees them; a failure
 * carries a `Cause` as its data. Trust: whoever holds the connection is the person; the carrier has checked that.
 */
import { ProtocolError } from "@fedchat/protocol";
import { z } from "zod";
import type { Cause, EngineEvent, MethodName } from "../interface/index.ts";
import { methods } from "../interface/index.ts";
import { causeOf } from "./causes.ts";
import { EngineError } from "./engine-error.ts";
import type { Log } from "./log.ts";

/** One connection's text messages, each a whole JSON document. */
export interface TextChannel {
  send(text: string): void;
  onText: ((text: string) => void) | undefined;
  onClose: (() => void) | undefined;
}

/** What is served: an engine, in this thread or behind a port. */
export interface Callable {
  call(method: MethodName, params: unknown): Promise<unknown>;
  onEvent(listener: (event: EngineEvent) => void): () => void;
}

/** A document longer than this is refused before it is parsed. */
export const rpcTextBytesMax = 1_048_576;
/** Calls of one connection that may run at once; more are refused, so that a broken script cannot fill memory. */
const callsInFlightMax = 256;

const rpcId = z.union([z.string().max(128), z.number(), z.null()]);
const rpcRequest = z.object({
  jsonrpc: z.literal("2.0"),
  id: rpcId.optional(),
  method: z.string().max(128),
  params: z.unknown().optional(),
});

/** JSON-RPC 2.0 §5.1, and codes of our own from -32000 down. */
export const rpcCodes = {
  parse: -32700,
  request: -32600,
  method: -32601,
  params: -32602,
  engine: -32000,
  session: -32001,
  busy: -32002,
} as const;

export function serveRpc(engine: Callable, channel: TextChannel, log: Log): void {
  let inFlight = 0;
  let unsubscribe: (() => void) | undefined;

  const reply = (id: string | number | null | undefined, outcome: object) => {
    if (id !== undefined) channel.send(JSON.stringify({ jsonrpc: "2.0", id, ...outcome }));
  };

  channel.onText = (text) => {
    const request = text.length > rpcTextBytesMax ? undefined : parse(text);
    if (request === undefined)
      return reply(null, failure(rpcCodes.parse, "This is not a JSON-RPC 2.0 request."));
    const { id, method, params } = request;
    if (!isMethod(method)) return reply(id, failure(rpcCodes.method, `There is no method '${method}'.`));
    const checked = methods[method].params.safeParse(params ?? {});
    if (!checked.success) return reply(id, failure(rpcCodes.params, inOneLine(checked.error)));
    if (inFlight >= callsInFlightMax) return reply(id, failure(rpcCodes.busy, "Too many calls at once."));
    if (method === "engine.subscribe") {
      unsubscribe ??= engine.onEvent((event) =>
        channel.send(JSON.stringify({ jsonrpc: "2.0", method: "event", params: event })),
      );
    }
    inFlight++;
    void answer(method, checked.data).then((outcome) => {
      inFlight--;
      reply(id, outcome);
    });
  };
  channel.onClose = () => unsubscribe?.();

  async function answer(method: MethodName, params: unknown): Promise<object> {
    try {
      return { result: await engine.call(method, params) };
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof EngineError))
        log.warn("a call failed", { method, error: String(error) });
      const cause = error instanceof EngineError ? error.data : causeOf(error);
      return failure(rpcCodes.engine, cause.sentence, cause);
    }
  }
}

function failure(code: number, message: string, data?: Cause): { error: object } {
  return { error: { code, message, ...(data === undefined ? {} : { data }) } };
}

/** Everything that is wrong with the parameters, as one sentence: people read it in a terminal. */
function inOneLine(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`))
    .join("; ");
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(methods, name);
}

function parse(text: string): z.infer<typeof rpcRequest> | undefined {
  try {
    return rpcRequest.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
