import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exampleOf } from "../src/config/examples.ts";
import { loadConfig, variableOf } from "../src/config/load.ts";
import { configKeys, describeKey } from "../src/config/schema.ts";
import { CommandError, exitCodes } from "../src/exit-codes.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fedchat-config-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const environment = (variables: Record<string, string> = {}) => ({
  variables: { HOME: folder, ...variables },
  platform: "linux" as const,
  workingFolder: folder,
});
const toml = (text: string, path = join(folder, "fedchat.toml")) => writeFileSync(path, text);

function usageError(run: () => unknown): CommandError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    expect((error as CommandError).exitCode).toBe(exitCodes.usage);
    return error as CommandError;
  }
  throw new Error("nothing was refused");
}

describe("precedence", () => {
  test("a flag is stronger than a variable, a variable than the file, the file than the default", () => {
    toml(`port = 1001\nname = "filed"\naccept = "anyone"\n[screen]\nport = 1002\n`);
    const loaded = loadConfig(
      { port: "3001" },
      environment({ FEDCHAT_PORT: "2001", FEDCHAT_NAME: "varied", FEDCHAT_SCREEN_OPEN: "false" }),
    );
    expect(loaded.config).toMatchObject({
      port: 3001,
      name: "varied",
      accept: "anyone",
      "screen.port": 1002,
      "screen.open": false,
      registration: "invited",
    });
    expect(loaded.origins.port).toEqual({ value: 3001, from: "--port" });
    expect(loaded.origins.name.from).toBe("FEDCHAT_NAME");
    expect(loaded.origins.accept.from).toBe(join(folder, "fedchat.toml"));
    expect(loaded.origins.registration.from).toBe("default");
    expect(loaded.isDefault("port")).toBe(false);
    expect(loaded.isDefault("registration")).toBe(true);
  });

  test("the default data folder follows the platform", () => {
    const at = (platform: NodeJS.Platform, variables: Record<string, string> = {}) =>
      loadConfig({}, { ...environment({ HOME: "/home/a", ...variables }), platform }).config.data;
    expect(at("linux")).toBe("/home/a/.local/share/fedchat");
    expect(at("linux", { XDG_DATA_HOME: "/data" })).toBe("/data/fedchat");
    expect(at("darwin")).toBe("/home/a/Library/Application Support/FedChat");
    expect(at("win32", { APPDATA: "/appdata" })).toBe("/appdata/FedChat");
  });

  test("the file in a named data folder is nearer than the one in the working folder", () => {
    toml(`name = "here"`);
    expect(loadConfig({ data: folder }, environment()).config.name).toBe("here");
    const data = mkdtempSync(join(folder, "data-"));
    expect(loadConfig({ data }, environment()).config.name).toBe("here");
    toml(`name = "there"`, join(data, "fedchat.toml"));
    expect(loadConfig({ data }, environment()).config.name).toBe("there");
    expect(loadConfig({}, environment({ FEDCHAT_DATA: data })).config.name).toBe("there");
    expect(loadConfig({}, environment()).config.name).toBe("here");
  });

  test("a path in a file is relative to that file", () => {
    toml(`data = "mine"\n[tls]\ncert = "c.pem"\nkey = "/k.pem"\n`);
    const { config } = loadConfig({}, environment());
    expect(config.data).toBe(join(folder, "mine"));
    expect(config["tls.cert"]).toBe(join(folder, "c.pem"));
    expect(config["tls.key"]).toBe("/k.pem");
  });

  test("addresses come with a kind, from a file and from a variable", () => {
    const wanted = [
      { host: "chat.example.com", port: 443, kind: "proxy" },
      { host: "2001:db8::1", port: 8443, kind: "direct" },
    ];
    toml(`addresses = ["chat.example.com:443 proxy", "[2001:db8::1]:8443"]`);
    expect(loadConfig({}, environment()).config.addresses).toEqual(wanted);
    const text = "chat.example.com:443 proxy, [2001:db8::1]:8443";
    expect(loadConfig({}, environment({ FEDCHAT_ADDRESSES: text })).config.addresses).toEqual(wanted);
  });
});

test("proxies are addresses or ranges, from a file and from a variable", () => {
  const wanted = [
    { address: "10.0.0.2", prefix: 32 },
    { address: "2001:db8::", prefix: 32 },
  ];
  toml(`proxies = ["10.0.0.2", "2001:db8::/32"]`);
  expect(loadConfig({}, environment()).config.proxies).toEqual(wanted);
  const text = "10.0.0.2, 2001:db8::/32";
  expect(loadConfig({}, environment({ FEDCHAT_PROXIES: text })).config.proxies).toEqual(wanted);
});

test("servers nearby are looked for and this one is announced, unless a file, a variable or a flag says less", () => {
  const nearby = (flag?: string | false, variables = {}) =>
    loadConfig({ nearby: flag }, environment(variables)).config.nearby;
  expect(nearby()).toBe("announce");
  toml(`nearby = "look"`);
  expect(nearby()).toBe("look");
  expect(nearby(undefined, { FEDCHAT_NEARBY: "false" })).toBe(false);
  expect(nearby("announce", { FEDCHAT_NEARBY: "false" })).toBe("announce");
  toml(`nearby = false`);
  expect(nearby()).toBe(false);
  toml(`nearby = true`);
  expect(usageError(() => nearby()).message).toContain("announce, look, false");
});

test("a router is asked for a port only where somebody says so", () => {
  const asked = (variables = {}) => loadConfig({}, environment(variables)).config.port_mapping;
  expect(asked()).toBe(false);
  expect(asked({ FEDCHAT_PORT_MAPPING: "true" })).toBe(true);
  expect(usageError(() => asked({ FEDCHAT_PORT_MAPPING: "perhaps" })).message).toContain("port_mapping");
});

test("relaying is for linked servers within bounds, unless said otherwise", () => {
  expect(loadConfig({}, environment()).config).toMatchObject({
    relay: "linked",
    relay_storage_mb: 256,
    relay_bandwidth_kb: 2_048,
  });
  toml(`relay = "anyone"\nrelay_storage_mb = 0`);
  const { config } = loadConfig({}, environment({ FEDCHAT_RELAY_BANDWIDTH_KB: "64" }));
  expect(config).toMatchObject({ relay: "anyone", relay_storage_mb: 0, relay_bandwidth_kb: 64 });
  toml(`relay_bandwidth_kb = 0`);
  expect(usageError(() => loadConfig({}, environment())).message).toContain("from 1 to 1048576");
});

describe("what is wrong is said", () => {
  test("an unknown key names the nearest known one", () => {
    toml(`prot = 8443`);
    const error = usageError(() => loadConfig({}, environment()));
    expect(error.message).toContain("'prot'");
    expect(error.fix).toBe("Did you mean 'port'?");
  });

  test("an unknown key in a table names the nearest known one", () => {
    toml(`[screen]\nopne = true`);
    expect(usageError(() => loadConfig({}, environment())).fix).toBe("Did you mean 'screen.open'?");
  });

  test("an unknown variable names the nearest known one", () => {
    const error = usageError(() => loadConfig({}, environment({ FEDCHAT_SCREENPORT: "1" })));
    expect(error.fix).toBe("Did you mean FEDCHAT_SCREEN_PORT?");
  });

  test.each([
    [`port = "8443"`, "port"],
    [`port = 70000`, "port"],
    [`name = "Not A Name"`, "name"],
    [`accept = "everyone"`, "accept"],
    [`addresses = ["example.com"]`, "addresses"],
    [`proxies = ["example.com"]`, "proxies"],
    [`[tls]\ncert = "c.pem"`, "tls.key"],
    [`[log]\nlevel = "loud"`, "log.level"],
  ])("%s is refused with its key and its file", (text, key) => {
    toml(text);
    const { message } = usageError(() => loadConfig({}, environment()));
    expect(message.startsWith(`${key}:`)).toBe(true);
  });

  test("a flag that is no number is refused by its name", () => {
    expect(usageError(() => loadConfig({ port: "many" }, environment())).message).toContain("--port");
  });

  test("broken TOML names the file and the line", () => {
    toml(`port = 8443\nname = "unfinished\n`);
    expect(usageError(() => loadConfig({}, environment())).message).toContain("fedchat.toml, line 2");
  });

  test("a named file that is absent is an error, an unnamed one is not", () => {
    expect(usageError(() => loadConfig({ config: "absent.toml" }, environment())).message).toContain(
      "absent.toml",
    );
    expect(loadConfig({}, environment()).file).toBeUndefined();
  });
});

describe("what `config --keys` shows", () => {
  /** Settings without which another is refused. */
  const companions = {
    FEDCHAT_TLS_CERT: { FEDCHAT_TLS_KEY: "/key" },
    FEDCHAT_TLS_KEY: { FEDCHAT_TLS_CERT: "/cert" },
    FEDCHAT_ACME_DOMAIN: { FEDCHAT_ACME_AGREE_TERMS: "true" },
  } as Record<string, Record<string, string>>;
  const load = (variable: string, text: string) =>
    loadConfig({}, environment({ ...companions[variable], [variable]: text }));

  test.each(configKeys)("%s is taken from its variable as shown", (key) => {
    const { config, origins } = load(variableOf(key), exampleOf[key]);
    expect(origins[key].from).toBe(variableOf(key));
    expect(config[key]).toBeDefined();
    expect(config[key]).not.toEqual([]);
    // What its description quotes of fedchat.toml is taken from the variable, too.
    const quoted = /\[".*"\]/.exec(describeKey(key))?.[0];
    if (quoted !== undefined) expect(load(variableOf(key), quoted).config[key]).toHaveLength(1);
  });

  test("an IPv6 address is no list, and an unfinished list is refused", () => {
    expect(load("FEDCHAT_ADDRESSES", "[2001:db8::1]:443 proxy").config.addresses).toEqual([
      { host: "2001:db8::1", port: 443, kind: "proxy" },
    ]);
    expect(usageError(() => load("FEDCHAT_ADDRESSES", '["chat.example.com:443"')).message).toContain(
      "is not host:port",
    );
  });
});

test("a name that cannot be used says what is allowed, and offers the form that is", () => {
  const refused = (name: string) => usageError(() => loadConfig({ name }, environment())).message;
  expect(refused("A")).toContain("lower-case letters");
  expect(refused("A")).toContain("Did you mean 'a'? (--name)");
  expect(refused("Alice's Box")).toContain("Did you mean 'alice-s-box'?");
  expect(refused("Chat.Example.com")).toContain("Did you mean 'chat.example.com'?");
  expect(refused("…")).not.toContain("Did you mean");
  expect(loadConfig({ name: "a" }, environment()).config.name).toBe("a");
});
