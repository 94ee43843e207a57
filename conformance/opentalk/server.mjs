// The binary under test, told to speak this dialect.
import { writeFile } from "node:fs/promises";
import { Binary, freePort } from "../binary.mjs";

const SECRET = "conformance-secret_of-0pentalk-0123456789";
const PROJECT = 100001;
/** Below it the generation of chunks is spoken. */
export const CHUNKED = "/chunked";

export class Server extends Binary {
  #options;

  static async prepare(binary, issuer, { settings = {}, limits = false } = {}) {
    const server = new Server(binary, "opentalk");
    const [listen, keys, file] = [`127.0.0.1:${await freePort()}`, server.file("keys.json"), server.file("sidetalk.toml")];
    server.#options = ["--config", file, "--listen", listen, "--project", `${PROJECT}:${SECRET}`, ...(limits ? [] : ["--no-rate-limits"])];
    await writeFile(keys, JSON.stringify(issuer.keySet));
    const dialect = { enabled: true, project: PROJECT, oidc_name: "Stand-in", oidc_url: issuer.url, chunked_prefix: CHUNKED, ...settings };
    const rows = (table) => Object.entries(table).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`).join("");
    const config = `[opentalk]\n${rows(dialect)}\n[[project_key]]\n${rows({ project: PROJECT, issuer: issuer.url, jwks_file: keys })}`;
    await writeFile(file, config);
    return server;
  }

  async start() {
    const ready = await this.launch(...this.#options);
    this.url = ready.url.replace(/\/$/, "");
  }

  /** Of the project's server, for our own API. */
  get authorization() {
    return `Basic ${Buffer.from(`${PROJECT}:${SECRET}`).toString("base64")}`;
  }
}
