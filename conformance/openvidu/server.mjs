// The binary under test, and its REST API as an application's back end calls it.
import { Binary, freePort } from "../binary.mjs";
import { call } from "../http.mjs";

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
    return call(method, `${this.url}${root}${path}`, { body, headers: { ...(auth ? { authorization: this.authorization() } : {}), ...headers } });
  }
}
