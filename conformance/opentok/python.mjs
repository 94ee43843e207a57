// The Python SDKs, in a process of their own for the whole run.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export class PythonError extends Error {
  constructor({ class: name, told, status }) {
    super([name, ...told].join(" "));
    Object.assign(this, { name, told, status });
  }
}

export class Python {
  #child;
  #nextId = 1;
  #waiting = new Map();
  #log = "";

  /** `certificate` is trusted beside nothing else: these processes talk to our server only. */
  constructor(certificate) {
    const folder = fileURLToPath(new URL(".", import.meta.url));
    const env = { ...process.env, NO_PROXY: "*", REQUESTS_CA_BUNDLE: certificate, SSL_CERT_FILE: certificate, PYTHONDONTWRITEBYTECODE: "1" };
    this.#child = spawn(`${folder}venv/bin/python`, [`${folder}sdk.py`], { env, stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr.on("data", (text) => (this.#log = (this.#log + text).slice(-5000)));
    this.#child.on("error", (error) => this.#end(error.message));
    this.#child.on("exit", () => this.#end(this.#log));
    this.#child.stdin.on("error", () => undefined);
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const { id, result, error } = JSON.parse(line);
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) reject(new PythonError(error));
      else resolve(result);
    });
  }

  #end(why) {
    for (const { reject } of this.#waiting.values()) reject(new Error(`python ended: ${why}`));
    this.#waiting.clear();
  }

  call(sdk, client, method, args) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (!this.isRunning) return reject(new Error(`python ended: ${this.#log}`));
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, sdk, client, method, arguments: args })}\n`);
    });
  }

  get isRunning() {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async stop() {
    if (!this.isRunning) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }
}
