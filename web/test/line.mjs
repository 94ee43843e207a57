// A network between pages and the server that can go dead without a word: nothing is closed, nothing gets through.
import { connect, createServer } from "node:net";

export class Line {
  #listener;
  #pairs = new Set();
  #isDead = false;

  /** A line to the server at that address; `url` is the address at its near end. */
  static async to(url) {
    const line = new Line();
    const { hostname, port } = new URL(url);
    line.#listener = createServer((near) => line.#join(near, connect(Number(port), hostname)));
    await new Promise((resolve) => line.#listener.listen(0, "127.0.0.1", resolve));
    line.url = `http://127.0.0.1:${line.#listener.address().port}/`;
    return line;
  }

  /** Nothing gets through in either direction, over connections that are there or new, until it heals. */
  die() {
    this.#isDead = true;
    this.silence();
  }

  /** What got stuck goes on, as a network sends again what was not confirmed. */
  heal() {
    this.#isDead = false;
    for (const pair of this.#pairs) flow(pair);
  }

  /** The connections of now are dead for good, as when a router has forgotten them; new ones are not. */
  silence() {
    for (const { near, far } of this.#pairs) {
      for (const [from, to] of [[near, far], [far, near]]) from.unpipe(to).pause();
    }
  }

  async close() {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #join(near, far) {
    const pair = { near, far };
    this.#pairs.add(pair);
    for (const side of [near, far]) side.on("error", () => side.destroy());
    if (!this.#isDead) flow(pair);
  }
}

/** An end that comes through ends the other side too. */
function flow({ near, far }) {
  near.pipe(far);
  far.pipe(near);
}
