// Bundles src/index.ts to dist/index.js (with @sidetalk/client left outside, so that an application has it once), and
// measures what a page without a bundler loads: panel and client together. --check fails over the budget.
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

export const BUDGET_BYTES = 35 * 1024;

/** The panel's style sheets become texts. */
export const cssText = {
  name: "css-text",
  setup({ onLoad }) {
    onLoad({ filter: /elements\/src\/styles\/\w+\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const folder = new URL("..", import.meta.url).pathname;
const common = { entryPoints: [`${folder}src/index.ts`], bundle: true, minify: true, target: "es2022", plugins: [cssText], legalComments: "none", charset: "utf8" };

/** Panel and client as one script. */
export async function whole(options = {}) {
  const { outputFiles } = await build({ ...common, format: "iife", write: false, ...options });
  return outputFiles[0].contents;
}

if (process.argv[1]?.endsWith("bundle.mjs")) {
  if (!process.argv.includes("--check"))
    await build({ ...common, format: "esm", outfile: `${folder}dist/index.js`, external: ["@sidetalk/client", "@sidetalk/client/*"], sourcemap: true });
  const script = await whole();
  const bytes = gzipSync(script, { level: 9 }).length;
  console.log(`elements with client: ${(script.length / 1024).toFixed(1)} KiB, ${(bytes / 1024).toFixed(1)} KiB gzip (at most ${BUDGET_BYTES / 1024})`);
  if (bytes > BUDGET_BYTES) process.exit(1);
}
