// Bundles the drivers with the document's code; Relay's tags are compiled by its own plugin.
import { readFile } from "node:fs/promises";
import babel from "@babel/core";
import { build } from "esbuild";

const relayTags = {
  name: "relay-tags",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/relay\/\w+\.ts$/ }, async ({ path }) => {
      const { code } = await babel.transformAsync(await readFile(path, "utf8"), {
        babelrc: false,
        configFile: false,
        filename: path,
        presets: ["@babel/preset-typescript"],
        plugins: [["relay", { eagerEsModules: true }]],
      });
      return { contents: code, loader: "js" };
    });
  },
};

await build({
  entryPoints: process.argv.slice(2),
  outdir: "built",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  plugins: [relayTags],
});
