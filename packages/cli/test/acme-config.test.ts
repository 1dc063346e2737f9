import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { acmeSettings } from "../src/config/acme.ts";
import type { ConfigFlags } from "../src/config/load.ts";
import { loadConfig } from "../src/config/load.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fedchat-acme-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string, flags: ConfigFlags = {}, variables: Record<string, string> = {}) {
  writeFileSync(join(folder, "fedchat.toml"), text);
  const environment = {
    variables: { HOME: folder, ...variables },
    platform: "linux" as const,
    workingFolder: folder,
  };
  return acmeSettings(loadConfig(flags, environment).config);
}
const agreed = `[acme]\ndomain = "chat.example.com"\nagree_terms = true\n`;

test("without a domain no authority is asked; with one it is Let's Encrypt, at port 80", () => {
  expect(read("")).toBeUndefined();
  expect(read(agreed)).toEqual({
    domain: "chat.example.com",
    email: undefined,
    directory: "https://acme-v02.api.letsencrypt.org/directory",
    challenge: "http-01",
    httpPort: 80,
  });
});

test("flags and variables say the same as the file", () => {
  const wanted = { domain: "chat.example.com", email: "a@example.com", httpPort: 80 };
  const flags = {
    "acme.domain": "chat.example.com",
    "acme.email": "a@example.com",
    "acme.agree_terms": true,
  };
  expect(read("", flags)).toMatchObject(wanted);
  const variables = {
    FEDCHAT_ACME_DOMAIN: "chat.example.com",
    FEDCHAT_ACME_EMAIL: "a@example.com",
    FEDCHAT_ACME_AGREE_TERMS: "true",
    FEDCHAT_ACME_HTTP_PORT: "8080",
  };
  expect(read("", {}, variables)).toMatchObject({ ...wanted, httpPort: 8080 });
});

test("where this server is at 443 from outside, its own port answers; what was chosen is never changed", () => {
  const challenge = (text: string) => read(text)?.challenge;
  expect(challenge(`port = 443\n${agreed}`)).toBe("tls-alpn-01");
  expect(challenge(`addresses = ["chat.example.com:443"]\n${agreed}`)).toBe("tls-alpn-01");
  // A proxy at 443 ends TLS itself.
  expect(challenge(`addresses = ["chat.example.com:443 proxy"]\n${agreed}`)).toBe("http-01");
  expect(challenge(`port = 443\n${agreed}challenge = "http-01"`)).toBe("http-01");
});

test.each([
  [`[acme]\ndomain = "chat.example.com"`, "acme.agree_terms: must be true"],
  [`${agreed}[tls]\ncert = "a"\nkey = "b"`, "acme.domain: a certificate is either your own"],
  [`[acme]\ndomain = "box"`, "acme.domain: must be a domain"],
  [`[acme]\ndomain = "192.0.2.1"`, "acme.domain: must be a domain"],
  [`${agreed}directory = "http://example.com"`, "acme.directory: must be an https URL"],
  [`${agreed}email = "nobody"`, "acme.email: must be an e-mail address"],
  [`[tls]\nkey = "b"`, "tls.key: tls.cert and tls.key belong together"],
])("%s is refused by name", (text, said) => {
  expect(() => read(text)).toThrow(said);
});
