// Bundles src/index.ts to dist/ (with @sidetalk/client left outside, so that an application has it once), and measures
// what a page without a bundler loads: panel and client together, without the words of other languages than English.
// --check only measures, and fails over the budget.
import { readFile, rm } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

export const BUDGET_BYTES = 35 * 1024;
const LANGUAGES = ["ar", "de", "es", "fr"];
const folder = new URL("..", import.meta.url).pathname;

/** The panel's style sheets become texts. */
export const cssText = {
  name: "css-text",
  setup({ onLoad }) {
    onLoad({ filter: /elements\/src\/styles\/\w+\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      // What stands in custom properties is left alone by the minifier; ours hold lists and colours, never texts.
      return { contents: code.trim().replace(/(--[\w-]+): /g, "$1:").replaceAll(", ", ","), loader: "text" };
    });
  },
};

/** A script without modules loads the words of other languages by script elements. */
const loadByScript = {
  name: "load-by-script",
  setup({ onLoad }) {
    onLoad({ filter: /i18n\/load\.ts$/ }, async () => ({ contents: await readFile(`${folder}src/i18n/load_script.ts`, "utf8"), loader: "ts", resolveDir: `${folder}src/i18n` }));
  },
};

const common = { bundle: true, minify: true, target: "es2022", legalComments: "none", charset: "utf8", tsconfig: `${folder}tsconfig.json` };

/** widget.js and widget-<language>.js, as a map from name to bytes. */
export async function widget() {
  const files = new Map();
  const { outputFiles } = await build({ ...common, entryPoints: [`${folder}src/index.ts`], format: "iife", write: false, plugins: [cssText, loadByScript] });
  files.set("widget.js", outputFiles[0].contents);
  for (const language of LANGUAGES) {
    const words = await build({ ...common, entryPoints: [`${folder}src/i18n/${language}.ts`], format: "iife", globalName: `sidetalk_${language}`, write: false });
    files.set(`widget-${language}.js`, words.outputFiles[0].contents);
  }
  return files;
}

export const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;

if (process.argv[1]?.endsWith("elements/scripts/bundle.mjs") || process.argv[1] === "scripts/bundle.mjs") {
  const check = process.argv.includes("--check");
  if (!check) {
    await rm(`${folder}dist`, { recursive: true, force: true });
    await build({ ...common, entryPoints: [`${folder}src/index.ts`], format: "esm", splitting: true, outdir: `${folder}dist`, external: ["@sidetalk/client", "@sidetalk/client/*"], plugins: [cssText] });
  }
  const files = await widget();
  const bytes = gzipped(files.get("widget.js"));
  const words = Math.max(...LANGUAGES.map((language) => gzipped(files.get(`widget-${language}.js`))));
  console.log(`elements with client: ${(bytes / 1000).toFixed(2)} kB gzip (at most ${(BUDGET_BYTES / 1000).toFixed(2)}), another language ${(words / 1000).toFixed(1)} kB`);
  if (check && bytes > BUDGET_BYTES) process.exit(1);
}
