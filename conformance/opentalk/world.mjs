// What a scenario has: users of the issuer, rooms, invites, tickets, people in rooms. All gone when it ends.
import { call } from "../http.mjs";
import { Different, equal } from "../openvidu/expect.mjs";
import { PROTOCOL, Raw, upgrade } from "./raw.mjs";
import { CHUNKED } from "./server.mjs";

export const BACKEND = "/OpenTalk/OU/Backend";
export const DEVELOPER = "/OpenTalk/Role/Developer";

export class World {
  #open = [];
  #count = 0;

  constructor(server, issuer, oracle) {
    this.server = server;
    this.issuer = issuer;
    this.oracle = oracle;
  }

  /** One call. With `kind` and a 2xx the answer is shown to the oracle, and a failure always. A text is sent as it is. */
  async http(method, path, { body, as, invite, kind, gen = "seed", root = "/v1", headers = {} } = {}) {
    const authorization = as ? { authorization: `Bearer ${as.access ?? as}` } : invite ? { authorization: `InviteCode ${invite}` } : {};
    const answer = await call(method, `${this.server.url}${gen === "new" ? CHUNKED : ""}${root}${path}`, { body, headers: { ...authorization, ...headers } });
    if (answer.ok && kind) this.oracle.body(kind, answer.text);
    if (!answer.ok && answer.json !== undefined) this.oracle.body("error", answer.text);
    return answer;
  }

  /** A call of our own API as the project's server; its answer. */
  async native(method, path) {
    const answer = await call(method, `${this.server.url}/api/v1${path}`, { headers: { authorization: this.server.authorization } });
    if (!answer.ok) throw new Different(`${method} ${path} of our own API`, "2xx", `${answer.status} ${answer.text}`);
    return answer.json;
  }

  async made(method, path, options) {
    const answer = await this.http(method, path, options);
    if (answer.status < 200 || answer.status > 299) throw new Different(`${method} ${path}`, "2xx", `${answer.status} ${answer.text}`);
    return answer.json;
  }

  /** Somebody with tokens. The access token has no groups: those come with the login. */
  person(groups = [], { algorithm, ...more } = {}) {
    const sub = `${crypto.randomUUID()}`;
    const name = `user ${(this.#count += 1)}`;
    const claims = { sub, email: `${sub}@example.org`, given_name: "Given", family_name: "Family", name, nickname: name, ...more };
    return { sub, name, access: this.issuer.token(claims, { algorithm }), identity: this.issuer.token({ ...claims, x_grp: groups }, { algorithm }) };
  }

  async user(groups = [], more = {}) {
    const person = this.person(groups, more);
    await this.made("POST", "/auth/login", { body: { id_token: person.identity }, kind: "login_done" });
    return person;
  }

  async room(owner, body = {}) {
    return (await this.made("POST", "/rooms", { body, as: owner, kind: "room" })).id;
  }

  async invite(owner, room, body = {}) {
    return (await this.made("POST", `/rooms/${room}/invites`, { body, as: owner })).invite_code;
  }

  start(room, as, { gen, ...body } = {}) {
    return this.made("POST", `/rooms/${room}/start`, { body, as, gen, kind: "start" });
  }

  startInvited(room, invite_code, { gen, ...body } = {}) {
    return this.made("POST", `/rooms/${room}/start_invited`, { body: { invite_code, ...body }, gen, kind: "start" });
  }

  signaling(gen = "seed") {
    return `${this.server.url.replace("http", "ws")}${gen === "new" ? CHUNKED : ""}/signaling`;
  }

  upgrade(protocols, { gen, ...options } = {}) {
    return upgrade(this.signaling(gen), protocols, options);
  }

  /** A socket with a ticket, where nobody has joined yet. */
  async socket(ticket, { gen = "seed", protocols = [`ticket#${ticket}`, PROTOCOL], ...options } = {}) {
    const raw = await Raw.open(this.signaling(gen), protocols, { oracle: this.oracle, gen, ...options });
    this.#open.push(() => raw.drop());
    return raw;
  }

  /** A user's socket, not joined. */
  async at(room, as, { gen = "seed", resumption, ...options } = {}) {
    const started = await this.start(room, as, { gen, resumption });
    return Object.assign(await this.socket(started.ticket, { gen, ...options }), { as, resumption: started.resumption });
  }

  /** A user in a room. */
  async in(room, as, options = {}) {
    const raw = await this.at(room, as, options);
    await raw.join({ display_name: as.name });
    return raw;
  }

  async guestAt(room, code, { gen = "seed", password, resumption, ...options } = {}) {
    const started = await this.startInvited(room, code, { gen, password, resumption });
    return Object.assign(await this.socket(started.ticket, { gen, ...options }), { resumption: started.resumption });
  }

  async guestIn(room, code, { name = "guest", ...options } = {}) {
    const raw = await this.guestAt(room, code, options);
    await raw.join({ display_name: name });
    return raw;
  }

  /** A room with its owner, a user with groups and a guest in it, all of one generation. The owner has the first group only. */
  async trio({ gen = "seed", ...body } = {}) {
    const ownerUser = await this.user([BACKEND]);
    const memberUser = await this.user([BACKEND, DEVELOPER]);
    const room = await this.room(ownerUser, body);
    const code = await this.invite(ownerUser, room);
    const owner = await this.in(room, ownerUser, { gen });
    const user = await this.in(room, memberUser, { gen });
    const guest = await this.guestIn(room, code, { gen, password: body.password });
    await owner.event("control", "joined", (payload) => payload.id === guest.id);
    return { room, code, ownerUser, memberUser, owner, user, guest, all: [owner, user, guest] };
  }

  later(close) {
    this.#open.push(close);
  }

  async close() {
    for (const close of this.#open.reverse()) await Promise.resolve(close()).catch(() => undefined);
  }
}

/** A failure as the protocol explains it. */
export function refused(answer, status, code) {
  equal([answer.status, answer.json?.code, typeof answer.json?.message], [status, code, "string"], "status, code and message");
}
