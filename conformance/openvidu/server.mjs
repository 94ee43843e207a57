// The binary under test: starts it, kills it the hard way, starts it again on the same data and port, and calls its REST API
// as an application's back end does.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pause } from "./expect.mjs";

const START_MS = 20_000;
const SECRET = "conformance-secret_of-0penvidu-0123456789";

export class Server {
  #binary;
  #folder;
  #listen;
  #child = null;
  #isOver = false;
  #log = "";

  static async prepare(binary) {
    const server = new Server();
    server.#binary = binary;
    server.#folder = await mkdtemp(join(tmpdir(), "sidetalk-openvidu-"));
    server.#listen = `127.0.0.1:${await freePort()}`;
    return server;
  }

  async start() {
    if (this.#isOver) throw new Error("the run is over");
    const readyFile = join(this.#folder, "ready.json");
    await rm(readyFile, { force: true });
    const options = ["dev", "--listen", this.#listen, "--admin-listen", "127.0.0.1:0", "--data", join(this.#folder, "data"), "--project", `100001:${SECRET}`, "--ready-file", readyFile];
    const child = (this.#child = spawn(this.#binary, options, { stdio: ["ignore", "pipe", "pipe"] }));
    child.on("error", (error) => (this.#log += error));
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (this.#log = (this.#log + text).slice(-20_000)));
    for (const end = Date.now() + START_MS; ; await pause(20)) {
      const ready = await readFile(readyFile, "utf8").then(JSON.parse).catch(() => null);
      if (ready) {
        this.url = ready.url.replace(/\/?$/, "/");
        this.secret = ready.project.secret;
        return;
      }
      if (child.exitCode !== null || child.pid === undefined || Date.now() > end) throw new Error(`the server did not start:\n${this.#log}`);
    }
  }

  get host() {
    return new URL(this.url).host;
  }

  get isRunning() {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** As by a power cut of the process: no time to say or write anything. */
  async kill() {
    if (!this.isRunning) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  async restart() {
    await this.kill();
    await this.start();
  }

  async stop() {
    this.#isOver = true;
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  authorization(user = "OPENVIDUAPP", secret = this.secret) {
    return `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;
  }

  /** One REST call; a text as body is sent as it is, anything else as JSON. */
  async api(method, path, body, { headers = {}, root = "openvidu/api/", auth = true } = {}) {
    const answer = await fetch(`${this.url}${root}${path}`, {
      method,
      headers: {
        ...(auth ? { authorization: this.authorization() } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await answer.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: answer.status, headers: answer.headers, text, json };
  }
}

/** A port that is free now. A restart on the same port needs one that is not chosen by the server. */
export async function freePort() {
  const listener = createServer();
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
