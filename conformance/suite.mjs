// Plays the cases of a suite and writes its score. What a suite is: a folder with a run.mjs that makes a Suite,
//
//   SIDETALK_BIN=… node run.mjs RESULTS.jsonl [part of a case's name]
//
// and with cases/, whose files export scenarios: `open(world)` prepares, then each of `cases` runs in turn with the world and
// what `open` returned. The name of a case is the name of an expectation. Scenarios that mostly wait, about `waits_s`, run beside
// the rest, the longest first. A case or a scenario may have a `limit_ms` of its own.
import { readdir, writeFile } from "node:fs/promises";

export class Suite {
  #folder;
  #limits;
  #results_file;
  #outcomes = new Map();
  #started = performance.now();
  #isEnding = false;

  /** Of the folder of `url`; `programs` are the variables that name what is run, `case_ms`, `open_ms` and `run_ms` the longest times. */
  constructor(url, { programs = ["SIDETALK_BIN"], ...limits }) {
    this.#folder = new URL("cases/", url);
    this.#limits = limits;
    const [results_file, wanted = ""] = process.argv.slice(2);
    if (!results_file) throw new Error("usage: node run.mjs RESULTS.jsonl [part of a case's name]");
    for (const name of programs) if (!process.env[name]) throw new Error(`${name} must name the program; run.sh does`);
    this.#results_file = results_file;
    /** Only cases with this in their names count. */
    this.wanted = wanted;
    // Everything here is on this machine.
    for (const name of ["http_proxy", "https_proxy", "all_proxy"]) {
      delete process.env[name];
      delete process.env[name.toUpperCase()];
    }
  }

  record(name, error) {
    // What fails because the run is being ended says nothing.
    if (this.#isEnding) return;
    if (this.#outcomes.has(name)) throw new Error(`two cases are called ${name}`);
    this.#outcomes.set(name, error ? "fail" : "pass");
    if (error) console.log(`FAIL ${name}: ${error.message?.split("\n")[0] || error}`);
  }

  /** Plays all that is wanted, some scenarios at a time, so that the machine's load does not become what is measured. */
  async play(makeWorld, { waiting = 1, busy }) {
    const scenarios = [];
    for (const file of (await readdir(this.#folder)).sort()) scenarios.push(...Object.values(await import(new URL(file, this.#folder).href)));
    const chosen = scenarios.filter((scenario) => Object.keys(scenario.cases).some((name) => name.includes(this.wanted)));
    const those_that_wait = chosen.filter((scenario) => scenario.waits_s).sort((a, b) => b.waits_s - a.waits_s);
    const others = chosen.filter((scenario) => !scenario.waits_s);
    const lane = async (queue) => {
      while (queue.length) await this.#playOne(queue.shift(), makeWorld);
    };
    await Promise.all([...Array.from({ length: waiting }, () => lane(those_that_wait)), ...Array.from({ length: busy }, () => lane(others))]);
  }

  async #playOne(scenario, makeWorld) {
    const { case_ms, open_ms = case_ms } = this.#limits;
    let world;
    let context;
    let failure = null;
    try {
      world = await makeWorld(scenario);
      context = await within(scenario.limit_ms ?? open_ms, () => scenario.open?.(world));
    } catch (error) {
      failure = new Error(`before the first case: ${error.message}`);
    }
    for (const [name, run] of Object.entries(scenario.cases)) {
      const limit_ms = run.limit_ms ?? scenario.limit_ms ?? case_ms;
      const played = () => within(limit_ms, () => run(world, context)).then(() => null, (reason) => reason ?? new Error("rejected without a reason"));
      const error = failure ?? (await played());
      // With a filter, the cases before the wanted one run as well, since a later one may build on them.
      if (name.includes(this.wanted)) this.record(name, error);
    }
    await world?.close();
  }

  /** The whole run: `run` plays and records, `cleanUp` ends what was started. Writes the score and ends the process. */
  async main(run, cleanUp) {
    const end = () => {
      this.#isEnding = true;
      return cleanUp();
    };
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => end().finally(() => process.exit(1)));
    let broken = null;
    try {
      await within(this.#limits.run_ms, run);
    } catch (error) {
      broken = error;
    } finally {
      await end();
    }
    const lines = [...this.#outcomes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, result]) => `${JSON.stringify({ case: name, result })}\n`);
    await writeFile(this.#results_file, lines.join(""));
    const passed = [...this.#outcomes.values()].filter((result) => result === "pass").length;
    console.log(`${passed} passed, ${this.#outcomes.size - passed} failed, ${Math.round((performance.now() - this.#started) / 1000)} s`);
    if (broken) console.log(`the run ended early: ${broken.message}`);
    process.exit(broken ? 1 : 0);
  }
}

/** The value of `work`, or a failure after `ms`. */
async function within(ms, work) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`longer than ${ms / 1000} s`)), ms)));
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
