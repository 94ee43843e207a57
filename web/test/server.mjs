// Starts the binary under test, kills it the hard way, and starts it again with the same data on the same port.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const START_MS = 20_000;

/** `environment`: settings that differ from the defaults. */
export async function startServer(environment = {}) {
  const binary = process.env.SIDETALK_BIN;
  if (!binary) throw new Error("SIDETALK_BIN must name the binary, e.g. SIDETALK_BIN=target/debug/sidetalk");
  const folder = await mkdtemp(join(tmpdir(), "sidetalk-browser-"));
  const server = new Server(binary, folder, environment);
  await server.start("127.0.0.1:0");
  return server;
}

class Server {
  #binary;
  #folder;
  #environment;
  #child = null;
  #log = "";

  constructor(binary, folder, environment) {
    this.#binary = binary;
    this.#folder = folder;
    this.#environment = environment;
  }

  async start(listen) {
    const readyFile = join(this.#folder, "ready.json");
    await rm(readyFile, { force: true });
    const options = ["dev", "--listen", listen, "--admin-listen", "127.0.0.1:0", "--data", join(this.#folder, "data"), "--ready-file", readyFile];
    this.#child = spawn(this.#binary, options, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...this.#environment } });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.on("data", (text) => (this.#log = (this.#log + text).slice(-20_000)));
    for (const end = Date.now() + START_MS; ; await pause(30)) {
      const ready = await readFile(readyFile, "utf8").then(JSON.parse).catch(() => null);
      if (ready) {
        this.url = ready.url.replace(/\/?$/, "/");
        this.project = ready.project;
        return;
      }
      if (this.#child.exitCode !== null || Date.now() > end) throw new Error(`the server did not start:\n${this.#log}`);
    }
  }

  /** As by a power cut of the process: no time to say or write anything. */
  async kill() {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  async restart() {
    await this.start(new URL(this.url).host);
  }

  async stop() {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  token(claims) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const now = Math.floor(Date.now() / 1000);
    const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: String(this.project.key), iat: now, exp: now + 3600, ...claims })}`;
    return `${signed}.${createHmac("sha256", this.project.secret).update(signed).digest("base64url")}`;
  }

  /** The REST API as the application's back end. */
  async call(method, path, body, tries = 200) {
    const answer = await fetch(`${this.url}api/v1/${path}`, {
      method,
      headers: { authorization: `Basic ${Buffer.from(`${this.project.key}:${this.project.secret}`).toString("base64")}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const result = await answer.json().catch(() => null);
    // A back end that is told to slow down does so.
    if ((answer.status === 429 || answer.status === 503) && tries > 0) {
      await pause(result?.error?.retry_after_ms ?? 50);
      return this.call(method, path, body, tries - 1);
    }
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(result)}`);
    return result;
  }

  post(room, text, more = {}) {
    return this.call("POST", `rooms/${encodeURIComponent(room)}/messages`, { text, format: "markdown", ...more });
  }

  /** All messages of a room, oldest first. */
  async messages(room) {
    const all = [];
    for (let before; ; ) {
      const page = await this.call("GET", `rooms/${encodeURIComponent(room)}/messages?limit=300${before ? `&before=${before}` : ""}`);
      all.unshift(...page.messages);
      if (!page.more_before) return all;
      before = page.messages[0].seq;
    }
  }
}
