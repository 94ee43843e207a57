// The binary under test, with two projects and an application of the Vonage kind for each; its REST API, bare.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { Binary } from "../binary.mjs";
import { Different, pause } from "./expect.mjs";
import { jwt, keyPair, seconds } from "./tokens.mjs";

const ORDER_MS = 20_000;
const CALL_MS = 10_000;
const SECRET = "conformance-secret_of-0pentok-0123456789";
const run = promisify(execFile);

export class Server extends Binary {
  #options;
  #tls;
  #unattached = null;
  #project;
  #other;

  /** Wrong secrets from one address are limited, and here all come from one; a server with `counts_guesses` keeps the limit. */
  constructor(binary, { tls = false, counts_guesses = false } = {}) {
    super(binary, "opentok");
    this.#options = [...(tls ? ["--tls"] : []), ...(counts_guesses ? [] : ["--set", "opentok.auth_failures_per_address=off"])];
    this.#tls = tls;
  }

  async start() {
    const ready = await this.launch("--listen", "127.0.0.1:0", "--project", `100001:${SECRET}`, ...this.#options);
    this.url = ready.url.replace(/\/$/, "");
    // Self-made, and known as good to those who ask for this file.
    this.certificate = this.#tls ? join(this.file("data"), "dev-certificate.pem") : null;
    this.ca = this.certificate ? await readFile(this.certificate) : undefined;
    await this.#prepare();
  }

  async #prepare() {
    const { secret } = JSON.parse(await this.#order("project", "create", "--key", "100002", "--json"));
    this.#project = { key: "100001", secret: SECRET };
    this.#other = { key: "100002", secret };
    for (const project of [this.#project, this.#other]) {
      const application = { id: crypto.randomUUID(), ...keyPair() };
      project.application = application;
      const file = this.file(`${application.id}.pem`);
      await writeFile(file, application.publicKey);
      // Without it, what needs an application fails and the rest still runs.
      await this.#order("project", "attach-application", project.key, "--application", application.id, "--public-key-file", file).catch((error) => (this.#unattached ??= error));
    }
  }

  async #order(...words) {
    const { stdout } = await run(this.path, [...words, "--data", this.file("data")], { timeout: ORDER_MS });
    return stdout;
  }

  get host() {
    return new URL(this.url).host;
  }

  get project() {
    return this.#project;
  }

  get other() {
    return this.#other;
  }

  get application() {
    if (this.#unattached) throw new Error(`no application could be attached: ${String(this.#unattached.stderr || this.#unattached.message).split("\n")[0]}`);
    return this.#project.application;
  }

  get otherApplication() {
    return this.application && this.#other.application;
  }

  /** The header of one who may do everything in the project. */
  auth(claims = {}, { secret = SECRET, header } = {}) {
    const now = seconds();
    return { "x-opentok-auth": jwt({ iss: "100001", ist: "project", iat: now, exp: now + 300, ...claims }, secret, header) };
  }

  bearer(claims = {}, { application = this.application, key = application.privateKey } = {}) {
    const now = seconds();
    return { authorization: `Bearer ${jwt({ application_id: application.id, iat: now, exp: now + 900, jti: crypto.randomUUID(), ...claims }, key, { alg: "RS256" })}` };
  }

  /** One call on a socket of its own, with no header but these and those of HTTP itself. An object as body is sent as JSON. */
  async call(method, path, { body, headers = this.auth() } = {}) {
    const isJson = body !== undefined && typeof body !== "string";
    const bytes = body === undefined ? undefined : Buffer.from(isJson ? JSON.stringify(body) : body);
    const { hostname, port } = new URL(this.url);
    const options = {
      hostname, port, method, path, ca: this.ca, timeout: CALL_MS, agent: false,
      headers: { ...(isJson ? { "content-type": "application/json" } : {}), ...(bytes ? { "content-length": bytes.length } : method === "POST" ? { "content-length": 0 } : {}), ...headers },
    };
    return new Promise((resolve, reject) => {
      const request = (this.#tls ? https : http).request(options, (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part));
        answer.on("error", reject);
        answer.on("end", () => {
          const text = Buffer.concat(parts).toString("utf8");
          let json;
          try {
            json = JSON.parse(text);
          } catch {
            json = undefined;
          }
          resolve({ status: answer.statusCode, headers: answer.headers, text, json });
        });
      });
      request.on("timeout", () => request.destroy(new Error(`no answer within ${CALL_MS / 1000} s`)));
      request.on("error", reject);
      request.end(bytes);
    });
  }

  /** A POST of JSON on a socket that is not closed from here: what came, and whether the server closed it then. */
  async converse(path, body) {
    const { hostname, port } = new URL(this.url);
    const socket = net.connect(port, hostname);
    let text = "";
    let isOver = false;
    socket.on("data", (bytes) => (text += bytes));
    socket.on("close", () => (isOver = true));
    socket.on("error", () => undefined);
    const bytes = Buffer.from(JSON.stringify(body));
    const headers = { host: this.host, "content-type": "application/json", "content-length": bytes.length, ...this.auth() };
    socket.write(`POST ${path} HTTP/1.1\r\n${Object.entries(headers).map((header) => header.join(": ")).join("\r\n")}\r\n\r\n`);
    socket.write(bytes);
    await pause(1000);
    const was = { text, isOver };
    socket.destroy();
    return was;
  }

  /** A session of the project, or of the application. */
  async session({ headers = this.auth() } = {}) {
    const answer = await this.call("POST", "/session/create", { headers: { accept: "application/json", ...headers } });
    if (answer.status !== 200) throw new Different("POST /session/create", 200, `${answer.status} ${answer.text}`);
    return answer.json[0].session_id;
  }

  exchange(body) {
    return this.call("POST", "/opentok/exchange", { body, headers: {} });
  }
}
