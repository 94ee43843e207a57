// The binary under test, and its REST API as an application's back end calls it.
import { Binary, freePort } from "../binary.mjs";

const SECRET = "conformance-secret_of-0penvidu-0123456789";

export class Server extends Binary {
  #listen;

  static async prepare(binary) {
    const server = new Server(binary, "openvidu");
    server.#listen = `127.0.0.1:${await freePort()}`;
    return server;
  }

  async start() {
    const ready = await this.launch("--listen", this.#listen, "--project", `100001:${SECRET}`);
    this.url = ready.url.replace(/\/?$/, "/");
    this.secret = ready.project.secret;
  }

  get host() {
    return new URL(this.url).host;
  }

  async restart() {
    await this.end();
    await this.start();
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
