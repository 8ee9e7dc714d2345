// Logs: escape codes, sections, and where in an answer they are.

import assert from "node:assert/strict";
import { test } from "node:test";

import { buildSchema } from "graphql";

import { parseAnsi, PLAIN } from "../src/logs/ansi.ts";
import { findLogs } from "../src/logs/find.ts";
import { cut, search } from "../src/logs/search.ts";
import { parseLog, type Part } from "../src/logs/sections.ts";

const E = "\x1b";

function textOf(parts: Part[]): string {
  return parts
    .map((part) =>
      part.kind === "text" ? part.runs.map(({ text }) => text).join("") : `<${part.name}>${textOf(part.parts)}</${part.name}>`,
    )
    .join("");
}

test("colours go on until they are changed", () => {
  const { runs, look } = parseAnsi(`a${E}[31mb${E}[1mc${E}[39md${E}[me`);

  assert.deepEqual(
    runs.map(({ text, look: { color, bold } }) => [text, color, bold]),
    [["a", null, false], ["b", "red", false], ["c", "red", true], ["d", null, true], ["e", null, false]],
  );
  assert.equal(look, PLAIN);
});

test("256 colours and colours by their parts are understood", () => {
  const colors = ["38;5;9", "38;5;196", "38;5;244", "38;2;1;2;3", "38;2;999;0;0", "38:5:21", "38"].map(
    (code) => parseAnsi(`${E}[${code}mx`).runs[0]!.look.color,
  );

  assert.deepEqual(colors, ["bright-red", "#ff0000", "#808080", "#010203", "#ff0000", "#0000ff", null]);
});

test("what follows an extended colour still counts", () => {
  const { look } = parseAnsi(`${E}[38;5;196;1;48;2;0;0;255;4m`);

  assert.deepEqual(
    [look.color, look.bold, look.background, look.underline],
    ["#ff0000", true, "#0000ff", true],
  );
});

test("hyperlinks, cursor movements, titles and control characters leave their text only", () => {
  const written = `${E}]8;;https://evil.example${E}\\here${E}]8;;${E}\\ ${E}]0;title\x07${E}[2K${E}[10;3H${E}(Bend\x00\x07\x08`;

  assert.deepEqual(parseAnsi(written).runs.map(({ text }) => text), ["here end"]);
});

test("an escape that the piece's end cuts off is not shown", () => {
  assert.equal(textOf(parseLog(`done${E}[3`)), "done");
  assert.equal(textOf(parseLog(`done${E}`)), "done");
});

test("sections nest, have titles and tell how long they took", () => {
  const log =
    `before\nsection_start:100:outer[collapsed=true]\r${E}[0K${E}[36mOuter title${E}[0m\nin outer\n` +
    `section_start:101:inner\r${E}[0KInner\nin inner\nsection_end:103:inner\r${E}[0Kstill outer\n` +
    `section_end:110:outer\r${E}[0Kafter`;

  const parts = parseLog(log);

  assert.equal(textOf(parts), "before\n<outer>in outer\n<inner>in inner\n</inner>still outer\n</outer>after");
  const outer = parts[1];
  assert(outer?.kind === "section");
  assert.equal(outer.duration_s, 10);
  assert.deepEqual(outer.title.map(({ text, look }) => [text, look.color]), [["Outer title", "cyan"]]);
});

test("marks whose other half lies outside the piece do no harm", () => {
  const log = `end of a line\nsection_end:5:lost\r${E}[0Kthen\nsection_start:6:open\r${E}[0KOpen\nlast`;

  const parts = parseLog(log);

  assert.equal(textOf(parts), "end of a line\nthen\n<open>last</open>");
  const open = parts.at(-1);
  assert(open?.kind === "section");
  assert.equal(open.duration_s, null);
});

test("runners' timestamps are left out, and lines that they split joined", () => {
  const stamp = "2024-05-01T12:00:00.123456Z 00O";

  assert.equal(textOf(parseLog(`${stamp} one\n${stamp} two\n${stamp}+ and more\n`)), "one\ntwo and more\n");
});

test("of a line that is written over the last state is shown", () => {
  assert.equal(textOf(parseLog("start\n10%\r50%\r100%\nend\r\n")), "start\n100%\nend\n");
  assert.equal(textOf(parseLog("10%\r100%")), "10%\n100%");
});

test("nothing in a log gets lost that is no mark and no escape", () => {
  const log = "<b>bold</b> & \u{1f680} ÄÖ\t日本\nsection_start is a word\n";

  assert.equal(textOf(parseLog(log)), log);
});

test("sections do not nest without end", () => {
  const deepest = (parts: Part[]): number =>
    Math.max(0, ...parts.map((part) => (part.kind === "section" ? 1 + deepest(part.parts) : 0)));

  assert.equal(deepest(parseLog(`section_start:1:x\r${E}[0KTitle\n`.repeat(500))), 10);
});

test("a large log is parsed in a moment", () => {
  const line = `${E}[32mok${E}[0m section_start:1:x and \r more ${E}[\n`;
  const began = performance.now();

  parseLog(line.repeat(20_000));

  assert(performance.now() - began < 5_000, "quadratic in the log's size");
});

const SCHEMA = buildSchema(`
  type Query { jobs: [Job], item: Item, job(by: JobRef!): Job }
  type Subscription { jobLog(job: JobRef!): LogChunk }
  input JobRef { id: ID, path: JobPath }
  input JobPath { project: ID!, job: ID! }
  interface Item { name: String }
  type Job implements Item { id: ID, name: String, databaseId: Int, log: JobLog }
  type JobLog { tail: LogChunk, slice: LogChunk }
  type LogChunk { text: String, startByte: Int }
`);

test("logs are found under aliases, in lists, interfaces and fragments", () => {
  const query = `
    query One { other: item { name } }
    query Two {
      all: jobs { name databaseId log { ...Ends } }
      item { ... on Job { name log { slice { words: text } } } }
    }
    fragment Ends on JobLog { tail { text startByte } tail { text } }`;
  const data = {
    all: [{ name: "a", databaseId: 1, log: { tail: { text: "A", startByte: 0 } } }, null, { name: "b", log: null }],
    item: { name: "c", log: { slice: { words: "C" } } },
  };

  assert.deepEqual(findLogs(SCHEMA, query, "Two", data), [
    { path: ["all", 0, "log", "tail", "text"], job: "a · 1", ref: null, text: "A" },
    { path: ["item", "log", "slice", "words"], job: "c", ref: null, text: "C" },
  ]);
  assert.deepEqual(findLogs(SCHEMA, query, "One", { other: { name: "x" } }), []);
});

test("whose log it is comes from the job's id, or from the argument that named it", () => {
  const refs = (query: string, data: unknown, variables = {}) =>
    // As they are sent.
    JSON.parse(JSON.stringify(findLogs(SCHEMA, query, null, data, variables).map(({ ref }) => ref)));
  const log = { log: { tail: { text: "A" } } };

  assert.deepEqual(refs("{ jobs { log { tail { text } } id } }", { jobs: [{ id: "x", ...log }, log] }), [{ id: "x" }, null]);
  assert.deepEqual(
    refs(
      "query ($n: ID!) { job(by: {path: {project: 1, job: $n}}) { log { tail { text } } } }",
      { job: log },
      { n: "7" },
    ),
    [{ path: { project: 1, job: "7" } }],
  );
  assert.deepEqual(
    refs("subscription ($job: JobRef!) { jobLog(job: $job) { text } }", { jobLog: { text: "A" } }, { job: { id: "y" } }),
    [{ id: "y" }],
  );
});

test("a line is cut wherever the pattern stands", () => {
  assert.deepEqual(cut("an error, ERROR, error", "error"), ["an ", "error", ", ERROR, ", "error", ""]);
  assert.deepEqual(cut("a.b", "."), ["a", ".", "b"]);
  assert.deepEqual(cut("nothing", "x"), ["nothing"]);
});

test("a search that fails says why, and a log that is not there has no match", async () => {
  const asked = { job: {}, pattern: "x", regex: false, from: 0 };
  const { signal } = new AbortController();
  const match = { line: 1, text: "x", before: [], after: [], endByte: 2 };

  assert.deepEqual(await search(async () => ({ data: { job: { log: { search: [match] } } } }), asked, signal), [match]);
  assert.deepEqual(await search(async () => ({ data: { job: null } }), asked, signal), []);
  await assert.rejects(search(async () => ({ errors: [{ message: "why" }] }), asked, signal), /why/);
});

test("no answer, no document, no log: nothing is found and nothing breaks", () => {
  assert.deepEqual(findLogs(SCHEMA, "{", null, {}), []);
  assert.deepEqual(findLogs(SCHEMA, "{ jobs { name } }", null, null), []);
  assert.deepEqual(findLogs(SCHEMA, "mutation { x }", null, {}), []);
});
