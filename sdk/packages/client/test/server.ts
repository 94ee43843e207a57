import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

interface Ready {
  readonly url: string;
  readonly project: { readonly key: string | number; readonly secret: string };
  readonly pid: number;
}

/** A server of our own, that can be killed and started again on the same port with the same data. */
export class LiveServer {
  readonly #binary: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "sidetalk-live-"));
  #child: ChildProcess | undefined;
  #ready: Ready | undefined;

  private constructor(binary: string) {
    this.#binary = binary;
  }

  static async start(binary: string): Promise<LiveServer> {
    const server = new LiveServer(binary);
    await server.#spawn("127.0.0.1:0");
    return server;
  }

  get url(): string {
    return this.#ready!.url;
  }

  token(user: string, more: object = {}): string {
    const { key, secret } = this.#ready!.project;
    return mint(String(key), secret, user, more);
  }

  /** As a power cut would do it. */
  async kill(): Promise<void> {
    const child = this.#child!;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  async restart(): Promise<void> {
    const { key, secret } = this.#ready!.project;
    await this.#spawn(new URL(this.url).host, ["--project", `${key}:${secret}`]);
  }

  async stop(): Promise<void> {
    if (this.#child?.exitCode === null) await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #spawn(listen: string, more: string[] = []): Promise<void> {
    const file = join(this.#folder, "ready.json");
    rmSync(file, { force: true });
    const options = ["--listen", listen, "--admin-listen", "127.0.0.1:0", "--data", join(this.#folder, "data"), "--ready-file", file];
    const child = spawn(this.#binary, ["dev", ...options, ...more], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    let said = "";
    child.stderr!.on("data", (chunk) => (said = `${said}${chunk}`.slice(-4_000)));
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${said}`);
      try {
        this.#ready = JSON.parse(readFileSync(file, "utf8")) as Ready;
        return;
      } catch {
        // Not written yet, or half of it.
      }
    }
    throw new Error(`the server is not ready after 20 s:\n${said}`);
  }
}

function mint(iss: string, secret: string, sub: string, more: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iss, sub, name: sub, exp: Math.floor(Date.now() / 1_000) + 3_600, ...more };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
