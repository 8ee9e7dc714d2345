// A log's text taken apart into the sections its runner marked, and plain text between them.
//
//     section_start:1700000000:get_sources[collapsed=true]\r\e[0KFetching…\n … section_end:1700000042:get_sources\r\e[0K
//
// (https://docs.gitlab.com/ci/jobs/job_logs/#expand-and-collapse-job-log-sections)

import { parseAnsi, PLAIN, type Look, type Run } from "./ansi.ts";

export interface Section {
  kind: "section";
  name: string;
  title: Run[];
  parts: Part[];
  /** Null while it has not ended. */
  duration_s: number | null;
}

export type Part = { kind: "text"; runs: Run[] } | Section;

const MARK = /(?:\x1b\[0K)?section_(start|end):(\d+):([^\r\n[]*)(?:\[[^\r\n\]]*\])?(?:\r(?:\x1b\[0K)?|\n|$)/g;
// What newer runners put before each line: a time, the stream, and "+" where the line goes on with
// the one before.
const STAMP = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d+Z [0-9a-f]{2}[OE]";
const STAMPS = new RegExp(`(?:\\n|^)${STAMP}\\+|^${STAMP} ?`, "gm");
const WRITTEN_OVER = /^[^\n]*\r(?=[^\n\r])/gm;

/** Runners hardly nest them; a log that pretends otherwise shall not exhaust the page. */
const DEEPEST = 10;

interface Open {
  section: Section;
  began: number;
}

/** Parts of a log, or of a piece of one: marks whose other half lies outside it do no harm. */
export function parseLog(text: string): Part[] {
  const clean = text.replace(STAMPS, "").replaceAll("\r\n", "\n");
  const root: Part[] = [];
  const open: Open[] = [];
  let look: Look = PLAIN;
  let from = 0;
  const parts = () => open.at(-1)?.section.parts ?? root;

  const add = (piece: string) => {
    const parsed = parseAnsi(withoutOverwritten(piece), look);
    look = parsed.look;
    if (parsed.runs.length) parts().push({ kind: "text", runs: parsed.runs });
  };

  for (const mark of clean.matchAll(MARK)) {
    add(clean.slice(from, mark.index));
    from = mark.index + mark[0].length;
    const [at, name] = [Number(mark[2]), mark[3]!];
    if (mark[1] === "start") {
      if (open.length === DEEPEST) continue;
      const line = clean.slice(from).match(/^[^\n]*/)![0];
      const hasTitle = !line.includes("section_start:") && !line.includes("section_end:");
      const title = hasTitle ? parseAnsi(line, look) : { runs: [], look };
      if (hasTitle) {
        from += line.length + 1;
        look = title.look;
      }
      const section: Section = { kind: "section", name, title: title.runs, parts: [], duration_s: null };
      parts().push(section);
      open.push({ section, began: at });
    } else {
      const index = open.findLastIndex(({ section }) => section.name === name);
      if (index < 0) continue;
      open[index]!.section.duration_s = Math.max(0, at - open[index]!.began);
      open.length = index;
    }
  }
  add(clean.slice(from));
  return root;
}

/** Of a line that is written over from its start, as progress bars are, the last state. */
function withoutOverwritten(text: string): string {
  if (!text.includes("\r")) return text;
  if (!text.includes("\n")) return text.replaceAll("\r", "\n");
  return text.replace(WRITTEN_OVER, "").replaceAll("\r", "");
}
