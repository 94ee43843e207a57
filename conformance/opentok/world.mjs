// What a scenario has: SDKs, sessions, live members, all gone when it ends.
import { equal, matches, rejection } from "./expect.mjs";
import { KITS, NodeKit, PythonKit, REFUSALS, VonageNodeKit, VonagePythonKit } from "./kits.mjs";
import { Member } from "./member.mjs";

export class World {
  #python;
  #open = [];
  #markers = 0;

  /** `plain` and `tls` are servers of the same kind; only the Python SDK of Vonage cannot do without TLS. */
  constructor({ plain, tls, python }) {
    this.plain = plain;
    this.tls = tls;
    this.#python = python;
  }

  /** An SDK by name, with the credentials of the project or application unless others are given. */
  kit(name, credentials, more) {
    const { plain, tls } = this;
    switch (name) {
      case "node":
        return new NodeKit(plain, credentials ?? plain.project, more);
      case "python":
        return new PythonKit(plain, credentials ?? plain.project, this.#python, more);
      case "node-as-vonage": {
        const { id, privateKey } = credentials ?? plain.application;
        return new NodeKit(plain, { key: id, secret: privateKey }, more);
      }
      case "vonage-node":
        return new VonageNodeKit(plain, credentials ?? plain.application, more);
      case "vonage-python":
        return new VonagePythonKit(tls, credentials ?? tls.application, this.#python, more);
      default:
        throw new Error(`there is no kit ${name}, only ${KITS.join(", ")}`);
    }
  }

  /** A live client in a session, with a token of the SDK's. */
  async member(kit, session, options = {}) {
    const token = options.token ?? (await kit.token(session, options));
    const member = await Member.connect(kit.server, { apiKey: options.apiKey ?? kit.key, sessionId: session, token });
    this.#open.push(() => member.close());
    return member;
  }

  /** A session with live clients. */
  async room(kit, count) {
    const session = await kit.create();
    const members = [];
    for (let n = 0; n < count; n++) members.push(await this.member(kit, session));
    return { kit, session, members };
  }

  /** After this, whoever has not heard an earlier signal of the session does not get it any more. */
  async settle({ kit, session, members }) {
    const type = `marker-${++this.#markers}`;
    await kit.signal(session, { type, data: "" });
    await Promise.all(members.map((member) => member.heard(type)));
  }

  close() {
    for (const close of this.#open.reverse()) close();
  }
}

/** That the call fails, and that the SDK says so in its own way. */
export async function fails(name, kit, call, status, promise) {
  const error = await rejection(promise, `${call} that is to give ${status}`);
  const expected = REFUSALS[name][call][status];
  const got = kit.refusal(error);
  if (expected instanceof RegExp) matches(got, expected, `what ${name} says of ${status}`);
  else equal(got, expected, `what ${name} says of ${status}`);
}

/** One case for each SDK, whose name stands for the star: `create.*-default`. */
export function forEachKit(name, run, kits = KITS) {
  return Object.fromEntries(kits.map((kit) => [name.replace("*", kit), (world, context) => run(world, kit, context)]));
}
