/** Domains over real HTTPS, on this machine: whose record is believed, and what counts as no answer. */
import { serverId, serverRecord, wellKnownPath } from "@fedchat/protocol";
import { nodePrimitives as primitives } from "@fedchat/protocol/primitives/node";
import { randomBytes } from "node:crypto";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, LookupFunction } from "node:net";
import { expect, test } from "vitest";
import { domainChecker } from "../src/node/domain-checker.ts";
import { domainAnswerBytesMax } from "../src/node/limits.ts";
import { makeSelfSigned, nobodysName } from "../src/node/self-signed.ts";

const credentials = makeSelfSigned(Date.now() - 60_000, Date.now() + 60_000);
const seed = randomBytes(32);
const key = serverId.fromBytes(primitives.ed25519.publicKey(seed));
const record = serverRecord.sign(primitives, seed, {
  key,
  name: nobodysName,
  noiseKey: randomBytes(32),
  addresses: [],
  relays: [],
  relaysFor: "nobody",
  neighbours: [],
  software: "test",
  sequence: 1,
  issued: 1,
  expires: 2,
});

/** Every name is this machine. */
const here: LookupFunction = (_name, _options, found) => found(null, [{ address: "127.0.0.1", family: 4 }]);

async function asked(answer: RequestListener, how: { domain?: string; ca?: string } = {}) {
  const { domain = nobodysName, ca = credentials.cert } = how;
  const server = createServer(credentials, answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const found = await domainChecker({ port, ca, lookup: here }).keyOf(domain);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return found;
}

const serves: RequestListener = (request, response) => {
  const isAsked = request.url === wellKnownPath && request.headers.accept === "application/cbor";
  response.writeHead(isAsked ? 200 : 404).end(record);
};

test("[N4] a record under a certificate for that name is believed", async () => {
  expect(await asked(serves)).toBe(key);
});

test("[N4] a certificate that nobody trusts, or for another name, is no answer", async () => {
  const another = makeSelfSigned(Date.now() - 60_000, Date.now() + 60_000).cert;
  expect(await asked(serves, { ca: another })).toBeUndefined();
  expect(await asked(serves, { domain: "bank.example.com" })).toBeUndefined();
});

test("[N4] a redirect, an error, a page, a forged record and one without end are no answers", async () => {
  const forged = record.slice();
  forged[forged.length - 1]! ^= 1;
  const answers: RequestListener[] = [
    (_, response) => response.writeHead(302, { Location: "https://bank.example.com/" }).end(record),
    (_, response) => response.writeHead(500).end(record),
    (_, response) => response.writeHead(200).end("<html>"),
    (_, response) => response.writeHead(200).end(forged),
    (_, response) => response.writeHead(200).end(Buffer.concat([record, Buffer.alloc(domainAnswerBytesMax)])),
    (request) => request.socket.destroy(),
  ];
  for (const answer of answers) expect(await asked(answer)).toBeUndefined();
});

test("[N4] nobody listens: no answer", async () => {
  const server = createServer(credentials);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  expect(
    await domainChecker({ port, ca: credentials.cert, lookup: here }).keyOf(nobodysName),
  ).toBeUndefined();
});

test("[N4] an address, and a name that only a local network knows, confirm nobody and are not asked", async () => {
  let requests = 0;
  const counted: RequestListener = (request, response) => {
    requests += 1;
    return serves(request, response);
  };
  const before = await asked(counted);
  expect([before, requests]).toEqual([key, 1]);
  for (const domain of ["127.0.0.1", "10.1", "router", "nas.local", "printer.lan"])
    expect(await asked(counted, { domain })).toBeUndefined();
  expect(requests).toBe(1);
});
