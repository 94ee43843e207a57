// The binary under test, told to speak this dialect: starts it, kills it, ends it politely, starts it again on the same data.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pause } from "../openvidu/expect.mjs";
import { freePort } from "../openvidu/server.mjs";

const START_MS = 20_000;
const SECRET = "conformance-secret_of-0pentalk-0123456789";
const PROJECT = 100001;
/** Below it the generation of chunks is spoken. */
export const CHUNKED = "/chunked";

export class Server {
  #binary;
  #folder;
  #listen;
  #options;
  #child = null;
  #isOver = false;
  #log = "";

  static async prepare(binary, issuer, { settings = {}, limits = false } = {}) {
    const server = new Server();
    server.#binary = binary;
    server.#folder = await mkdtemp(join(tmpdir(), "sidetalk-opentalk-"));
    server.#listen = `127.0.0.1:${await freePort()}`;
    server.#options = limits ? [] : ["--no-rate-limits"];
    const keys = join(server.#folder, "keys.json");
    await writeFile(keys, JSON.stringify(issuer.keySet));
    const dialect = { enabled: true, project: PROJECT, oidc_name: "Stand-in", oidc_url: issuer.url, chunked_prefix: CHUNKED, ...settings };
    const rows = (table) => Object.entries(table).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join("");
    const config = `[opentalk]\n${rows(dialect)}\n[[project_key]]\n${rows({ project: PROJECT, issuer: issuer.url, jwks_file: keys })}`;
    await writeFile(join(server.#folder, "sidetalk.toml"), config);
    return server;
  }

  async start() {
    if (this.#isOver) throw new Error("the run is over");
    const file = (name) => join(this.#folder, name);
    await rm(file("ready.json"), { force: true });
    const options = ["dev", "--config", file("sidetalk.toml"), "--listen", this.#listen, "--admin-listen", "127.0.0.1:0", "--data", file("data"), "--project", `${PROJECT}:${SECRET}`];
    const child = (this.#child = spawn(this.#binary, [...options, "--ready-file", file("ready.json"), ...this.#options], { stdio: ["ignore", "pipe", "pipe"] }));
    child.on("error", (error) => (this.#log += error));
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (this.#log = (this.#log + text).slice(-20_000)));
    for (const end = Date.now() + START_MS; ; await pause(20)) {
      const ready = await readFile(file("ready.json"), "utf8").then(JSON.parse).catch(() => null);
      if (ready) {
        this.url = ready.url.replace(/\/$/, "");
        return;
      }
      if (child.exitCode !== null || child.pid === undefined || Date.now() > end) throw new Error(`the server did not start:\n${this.#log}`);
    }
  }

  /** Of the project's server, for our own API. */
  get authorization() {
    return `Basic ${Buffer.from(`${PROJECT}:${SECRET}`).toString("base64")}`;
  }

  get isRunning() {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** SIGKILL is a power cut of the process, SIGTERM a stop with goodbyes. */
  async end(signal) {
    if (!this.isRunning) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    await gone;
  }

  async stop() {
    this.#isOver = true;
    await this.end("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }
}
