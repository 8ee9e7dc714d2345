import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { defineConfig, type Plugin } from "vite";

import { licences } from "./licences.ts";

const here = dirname(fileURLToPath(import.meta.url));

// GraphiQL formats JSON with three large parts of Prettier; jsonc-parser, which it has as well, does
// the same in a few lines.
const PRETTIER = new Map([
  ["prettier/standalone", "src/prettier.ts"],
  ["prettier/plugins/estree", "src/nothing.ts"],
  ["prettier/parser-babel", "src/nothing.ts"],
]);

function lighterPrettier(): Plugin {
  return {
    name: "lighter-prettier",
    enforce: "pre",
    resolveId(source, importer) {
      const ours = PRETTIER.get(source);
      if (ours === undefined || !importer?.includes("@graphiql")) return null;
      return join(here, ours);
    },
  };
}

// Small repairs of what lies in packages: part of a module's path, what stands there, what shall.
const REPAIRS: [string, string, string][] = [
  // The operation builder complains of arguments that it does not know, such as lists.
  ["graphiql-explorer", "console.error(", "void ("],
  // Comments that can be read on GraphiQL's dark background.
  ["standalone/common/themes.js", "608B4E", "8DB87C"],
];

function repairs(): Plugin {
  return {
    name: "repairs",
    transform(code, id) {
      const wanted = REPAIRS.filter(([path]) => id.includes(path));
      if (!wanted.length) return null;
      for (const [path, old, _] of wanted)
        if (!code.includes(old) && !id.endsWith("index.js"))
          this.error(`nothing to repair in ${path}: has it changed?`);
      return { code: wanted.reduce((text, [, old, now]) => text.replaceAll(old, now), code), map: null };
    },
  };
}

const { collect, write } = licences(here);

export default defineConfig({
  // Relative, so that the explorer works under any path; the page lies beside `graphql/`.
  base: "./",
  plugins: [lighterPrettier(), repairs(), collect(), write("licences.txt")],
  worker: { format: "es", plugins: () => [collect()] },
  build: {
    assetsDir: "graphql/explorer",
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // The explorer at `graphql`, and the page of pipelines beside it.
      input: ["index.html", "pipelines.html"].map((name) => join(here, name)),
      onLog(level, log, tell) {
        // "use client" means something to server-side React only.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") tell(level, log);
      },
    },
  },
});
