// The binary under test, in a process with a folder of its own: starts it, kills it the hard way, ends it politely, starts it again
// on the same data.
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const START_MS = 20_000;

export class Binary {
  #folder;
  #child = null;
  #isOver = false;
  #log = "";

  constructor(path, name) {
    this.path = path;
    this.#folder = mkdtempSync(join(tmpdir(), `sidetalk-${name}-`));
  }

  /** The path of a file in its folder. */
  file(name) {
    return join(this.#folder, name);
  }

  /** Starts `sidetalk dev` with these options too; what its ready file says. */
  async launch(...options) {
    if (this.#isOver) throw new Error("the run is over");
    const readyFile = this.file("ready.json");
    await rm(readyFile, { force: true });
    const words = ["dev", "--admin-listen", "127.0.0.1:0", "--data", this.file("data"), "--ready-file", readyFile, ...options];
    const child = (this.#child = spawn(this.path, words, { stdio: ["ignore", "pipe", "pipe"] }));
    child.on("error", (error) => (this.#log += error));
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (this.#log = (this.#log + text).slice(-20_000)));
    for (const end = Date.now() + START_MS; ; await pause(20)) {
      const ready = await readFile(readyFile, "utf8").then(JSON.parse).catch(() => null);
      if (ready) return ready;
      if (child.exitCode !== null || child.pid === undefined || Date.now() > end) throw new Error(`the server did not start:\n${this.#log}`);
    }
  }

  get isRunning() {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** SIGKILL is a power cut of the process, with no time to say or write anything; SIGTERM a stop with goodbyes. */
  async end(signal = "SIGKILL") {
    if (!this.isRunning) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill(signal);
    await gone;
  }

  /** For good. */
  async stop() {
    this.#isOver = true;
    await this.end();
    await rm(this.#folder, { recursive: true, force: true });
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
