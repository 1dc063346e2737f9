import type { ServerAddress } from "@fedchat/protocol";
import { expect, test } from "vitest";
import { screenPlaces } from "../src/screen/places.ts";

const now = 1_800_000_000_000;
const at = (host: string, port: number, kind: ServerAddress["kind"] = "direct"): ServerAddress => ({
  host,
  port,
  kind,
});
const certificate = (...names: string[]) => ({
  names,
  validUntil: now + 1,
  covers: (host: string) => names.includes(host) || names.includes(host.replace(/^[^.]+/, "*")),
});
const places = (announced: ServerAddress[], shown = certificate()) =>
  screenPlaces(announced, 8443, shown, now);

test("[T5] a screen is opened at announced addresses that the certificate is for, and at its own names", () => {
  const announced = [at("192.0.2.7", 8443), at("box.example.com", 443), at("2001:db8::1", 8443)];
  expect(
    places(announced, certificate("box.example.com", "other.example.com", "*.example.org")).addresses,
  ).toEqual(["https://box.example.com", "https://other.example.com:8443"]);
  expect(places([at("a.example.org", 8443)], certificate("*.example.org")).addresses).toEqual([
    "https://a.example.org:8443",
  ]);
  expect(places(announced, certificate("2001:db8::1")).addresses[0]).toBe("https://[2001:db8::1]:8443");
});

test("behind an announced proxy its certificate counts, not ours; that it can read along is said", () => {
  const found = places([at("192.168.1.2", 8443, "lan"), at("chat.example.com", 443, "proxy")]);
  expect(found).toEqual({ addresses: ["https://chat.example.com"], throughProxy: true, cause: null });
});

test("with a certificate made here, or an expired one, there is no place, and the cause says what to do", () => {
  expect(places([at("box.example.com", 443)])).toMatchObject({
    addresses: [],
    cause: { code: "no-trusted-address", fix: expect.stringContaining("acme.domain") },
  });
  const expired = { ...certificate("box.example.com"), validUntil: now };
  expect(places([at("box.example.com", 443)], expired)).toMatchObject({
    addresses: [],
    cause: { code: "certificate-expired" },
  });
});
