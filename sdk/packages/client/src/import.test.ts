import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

// Importing a package that reaches for `window` breaks the rendering of pages on servers: the best known complaint about
// SDKs of this kind (pusher-js#928). What is tested here is what a bundler makes of the package.
const folder = mkdtempSync(join(tmpdir(), "sidetalk-import-"));
const file = join(folder, "client.mjs");
const address = JSON.stringify(pathToFileURL(file).href);

before(() =>
  build({
    stdin: { contents: 'export * from "./index.ts"; export * from "./timeline.ts";', resolveDir: "src", loader: "ts" },
    bundle: true,
    format: "esm",
    outfile: file,
    logLevel: "error",
  }),
);
after(() => rmSync(folder, { recursive: true }));

/** Imports, makes a client and a timeline, and says so. */
const story = `
  const { SidetalkClient, Timeline } = await import(${address});
  const client = new SidetalkClient({ url: "https://chat.example.org", token: "t" });
  if (client.state.status !== "idle" || new Timeline().view().messages.length !== 0) throw new Error("wrong");
`;

function run(code: string): string {
  return execFileSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
}

test("imports in plain Node", () => {
  assert.equal(run(`${story} console.log("fine")`), "fine\n");
});

test("imports in a worker thread", async () => {
  const code = `(async () => { ${story} require("node:worker_threads").parentPort.postMessage("fine"); })()`;
  const worker = new Worker(code, { eval: true });
  const said = await new Promise((resolve, reject) => worker.on("message", resolve).on("error", reject));
  await worker.terminate();
  assert.equal(said, "fine");
});

test("importing and making a client touch no global of a browser", () => {
  const code = `
    for (const name of ["window", "document", "self", "WebSocket", "localStorage", "location", "navigator"]) {
      Object.defineProperty(globalThis, name, { configurable: true, get() { throw new Error("touched " + name); } });
    }
    ${story}
    console.log("fine");
  `;
  assert.equal(run(code), "fine\n");
});

test("rendering on a server leaves nothing behind that keeps the process alive", () => {
  const code = `${story} client.on("state", () => {}); client.join("r", { timeoutMs: 20 }).catch((e) => console.log(e.code));`;
  assert.equal(run(code), "offline_timeout\n");
});
