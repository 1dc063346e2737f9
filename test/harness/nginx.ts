/** A real nginx on a host of a lab, in front of homeservers: TLS under domain names on port 443. */
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./fedchat-process.ts";
import type { LabHost } from "./lab-host.ts";

export interface Site {
  domain: string;
  /** PEM files. */
  certificate: string;
  key: string;
  /** As `proxy_pass` takes it. */
  upstream: string;
  /** Whether it passes WebSockets on; nginx does not where nobody says so. */
  webSockets: boolean;
  /** How long nginx waits for a byte from the upstream. */
  idleSeconds: number;
}

export interface Nginx extends AsyncDisposable {
  /** One line for each request that has ended: host, path and status. */
  ended(): string[];
}

const nginxPath = "/usr/sbin/nginx";

/** Resolves when it listens. Throws with the fix where there is no nginx. */
export async function startNginx(host: LabHost, folder: string, sites: readonly Site[]): Promise<Nginx> {
  if (!existsSync(nginxPath)) {
    throw new Error(`These tests need nginx at ${nginxPath}. Debian: apt-get install nginx`);
  }
  const place = join(folder, `nginx-${host.name}`);
  mkdirSync(place);
  const settings = join(place, "nginx.conf");
  writeFileSync(settings, configuration(sites));
  const words = [nginxPath, "-p", place, "-c", settings, "-e", join(place, "error.log")];
  const child = host.spawn([...words, "-g", "daemon off;"], { stdio: ["ignore", "ignore", "inherit"] });
  const exited = once(child, "exit");
  await until("nginx listens", () => {
    if (child.exitCode !== null) throw new Error(readFileSync(join(place, "error.log"), "utf8"));
    return Promise.resolve(existsSync(join(place, "nginx.pid")));
  });
  return {
    ended: () => readFileSync(join(place, "access.log"), "utf8").split("\n").slice(0, -1),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

function configuration(sites: readonly Site[]): string {
  return `
    user root;
    worker_processes 1;
    pid nginx.pid;
    events {}
    http {
      log_format ended "$host $uri $status";
      access_log access.log ended;
      ${sites.map(siteConfiguration).join("\n")}
    }`;
}

/** As an administrator would write it. */
function siteConfiguration({ domain, certificate, key, upstream, webSockets, idleSeconds }: Site): string {
  const upgrade = `
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection "upgrade";`;
  return `
      server {
        listen 443 ssl;
        server_name ${domain};
        ssl_certificate ${certificate};
        ssl_certificate_key ${key};
        location / {
          proxy_pass ${upstream};
          proxy_set_header Host $host;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
          proxy_read_timeout ${idleSeconds}s;
          ${webSockets ? upgrade : ""}
        }
      }`;
}
