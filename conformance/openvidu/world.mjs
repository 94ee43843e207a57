// What a scenario needs: sessions, tokens, raw members and people, all gone when it ends.
import nodeClient from "openvidu-node-client";
import { Gate } from "./browser.mjs";
import { Different } from "./expect.mjs";
import { Raw } from "./raw.mjs";

export class World {
  #browser;
  #oddities;
  #open = [];

  constructor(server, browser, oddities) {
    this.server = server;
    this.#browser = browser;
    this.#oddities = oddities;
  }

  api(...call) {
    return this.server.api(...call);
  }

  /** The vendor's client of application servers. */
  node(secret = this.server.secret, path = "") {
    const node = new nodeClient.OpenVidu(this.server.url + path, secret);
    // Or it tells the standard output everything that it does.
    node.enableProdMode();
    return node;
  }

  async session(body = {}) {
    return (await this.#made("sessions", body)).id;
  }

  /** A connection that nobody uses yet: {id, token, …}. */
  connection(session, body = {}) {
    return this.#made(`sessions/${session}/connection`, body);
  }

  async #made(path, body) {
    const answer = await this.api("POST", path, body);
    if (answer.status !== 200) throw new Different(`POST ${path}`, 200, `${answer.status} ${answer.text}`);
    return answer.json;
  }

  signal(body) {
    return this.api("POST", "signal", body);
  }

  /** A socket without a member. */
  async socket(query = "", options = {}) {
    const raw = await Raw.open(`${this.server.url.replace("http", "ws")}openvidu${query}`, { oddities: this.#oddities, ...options });
    this.#open.push(() => raw.drop());
    return raw;
  }

  /** A member through a raw socket. */
  async member(session, { metadata = "", quiet = false, ...body } = {}) {
    const connection = await this.connection(session, body);
    const raw = await this.socket(`?sessionId=${session}`);
    await raw.join(connection.token, metadata, { quiet });
    raw.token = connection.token;
    return raw;
  }

  async members(session, count) {
    const members = [];
    for (let n = 0; n < count; n++) members.push(await this.member(session, { metadata: `member ${n}` }));
    return members;
  }

  /** A page with the vendor's client, not connected. */
  async page(options = {}) {
    const person = await this.#browser.open(options);
    this.#open.push(async () => {
      this.#oddities.push(...(await person.oddities()));
      await person.close();
    });
    return person;
  }

  /** Somebody who is connected with the vendor's client. */
  async person(session, { metadata, client, gate, ...body } = {}) {
    const connection = await this.connection(session, body);
    const person = await this.page({ client, gate });
    person.welcome = await person.connect(connection.token, metadata);
    person.token = connection.token;
    return person;
  }

  /** A page with that text. */
  async tab(html) {
    const page = await this.#browser.tab(html);
    this.#open.push(() => page.context().close());
    return page;
  }

  /** A call of our own REST API, as the project's server. */
  native(method, path, body) {
    return this.server.api(method, path, body, { root: "api/v1/", headers: { authorization: this.server.authorization("100001") } });
  }

  async gate() {
    const gate = await Gate.open(this.server.host);
    this.#open.push(() => gate.close());
    return gate;
  }

  later(close) {
    this.#open.push(close);
  }

  async close() {
    for (const close of this.#open.reverse()) await Promise.resolve(close()).catch(() => undefined);
  }
}
