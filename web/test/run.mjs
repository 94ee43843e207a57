// Browser tests: SIDETALK_BIN=target/debug/sidetalk npm run test:browser [-- part-of-a-name]
// Each case is an exported function of a file in cases/; it gets {server, browser} and throws if something is wrong.
import { readdir } from "node:fs/promises";
import { Browser } from "./browser.mjs";
import { startServer } from "./server.mjs";

const wanted = process.argv[2] ?? "";
const CASE_MS = 120_000;

const server = await startServer();
const browser = await Browser.launch(server);
let passed = 0;
let failed = 0;

try {
  const folder = new URL("cases/", import.meta.url);
  for (const file of (await readdir(folder)).sort()) {
    for (const [name, run] of Object.entries(await import(new URL(file, folder).href))) {
      const title = `${file.replace(/\.mjs$/, "")}: ${name.replaceAll("_", " ")}`;
      if (!title.includes(wanted)) continue;
      const started = performance.now();
      let timer;
      try {
        const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`longer than ${CASE_MS / 1000} s`)), CASE_MS)));
        const note = await Promise.race([run({ server, browser }), late]);
        const problems = browser.problems.splice(0);
        if (problems.length) throw new Error(problems.join("\n"));
        passed++;
        console.log(`ok   ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)${note ? ` ${note}` : ""}`);
      } catch (error) {
        failed++;
        browser.problems.splice(0);
        console.log(`FAIL ${title}\n     ${String(error.stack ?? error).replaceAll("\n", "\n     ")}`);
      } finally {
        clearTimeout(timer);
        await browser.clear();
      }
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
