// The licences of all packages whose files ended up in the bundle, as one text.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";

import type { Plugin } from "vite";

interface Manifest {
  name: string;
  version: string;
  license?: string;
}

const NAMES = /^(licen[cs]e|copying|notice|thirdpartynotices)([-.].*)?$/i;

/** Two plugins: one notes what a bundle holds (workers are bundles of their own), one writes it down. */
export function licences(root: string) {
  const folders = new Set<string>();

  const collect = (): Plugin => ({
    name: "collect-licences",
    generateBundle(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        const ids = chunk.type === "chunk" ? Object.keys(chunk.modules) : chunk.originalFileNames;
        for (const id of ids) {
          const folder = packageOf(id, root);
          if (folder !== null) folders.add(folder);
        }
      }
    },
  });

  const write = (fileName: string): Plugin => ({
    name: "write-licences",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler() {
        const texts = [...folders].map(licenceOf).sort();
        this.emitFile({ type: "asset", fileName, source: texts.join(`\n${"-".repeat(78)}\n\n`) });
      },
    },
  });

  return { collect, write };
}

/** The package's folder a module lies in; null for our own modules. */
function packageOf(id: string, root: string): string | null {
  const path = id.replace(/^\0/, "").split("?", 1)[0]!;
  const parts = path.split(/[\\/]/);
  const at = parts.lastIndexOf("node_modules");
  if (at < 0) return null;
  const length = parts[at + 1]?.startsWith("@") ? 3 : 2;
  const folder = parts.slice(0, at + length).join(sep);
  return folder.startsWith(sep) || /^[A-Za-z]:/.test(folder) ? folder : join(root, folder);
}

function licenceOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const texts = readdirSync(folder)
    .filter((name) => NAMES.test(name) && existsSync(join(folder, name)))
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8").trim());
  const told = texts.length ? texts.join("\n\n") : "Its package holds no text of the licence.";
  return `${manifest.name} ${manifest.version} (${manifest.license ?? "no licence named"})\n\n${told}\n`;
}
