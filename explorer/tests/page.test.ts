// What the page keeps, what links bring, and what follows from an answer.

import assert from "node:assert/strict";
import { test } from "node:test";

import { follow, newAttempt } from "../src/attempts.ts";
import { emphasiseCost, withCosts } from "../src/descriptions.ts";
import { joined, SHOWN } from "../src/pipelines/pieces.ts";
import { linkTo, openingTabs, readLink } from "../src/start.ts";
import { KeptHeaders, withoutHeaders } from "../src/storage.ts";

function fakeStore(values: Record<string, string> = {}) {
  // As in a browser: entries are properties, methods are not among the keys.
  const methods = {
    getItem: (key: string) => values[key] ?? null,
    setItem: (key: string, value: string) => void (values[key] = value),
    removeItem: (key: string) => void delete values[key],
  };
  return new Proxy(values, {
    get: (_, key: string) => methods[key as keyof typeof methods] ?? values[key],
  }) as unknown as Storage;
}

test("GraphiQL stores no headers, whatever it stores them in", () => {
  const values: Record<string, string> = {};
  const storage = withoutHeaders(fakeStore(values));

  storage.setItem("graphiql:headers", '{"PRIVATE-TOKEN": "secret"}');
  storage.setItem("graphiql:tabState", '{"tabs":[{"query":"{a}","headers":"{\\"T\\":\\"secret\\"}"}]}');
  storage.setItem("graphiql:queries", '{"queries":[{"query":"{a}","headers":"secret"}]}');

  assert.doesNotMatch(JSON.stringify(values), /secret/);
  assert.match(values["graphiql:tabState"]!, /\{a\}/);
});

test("clearing takes GraphiQL's values and no others", () => {
  const values: Record<string, string> = { "graphiql:theme": "dark", other: "1" };

  withoutHeaders(fakeStore(values)).clear();

  assert.deepEqual(values, { other: "1" });
});

test("headers are kept for the session only, unless they shall be remembered", () => {
  const [session, browser]: [Record<string, string>, Record<string, string>] = [{}, {}];
  const kept = new KeptHeaders(fakeStore(session), fakeStore(browser));

  kept.write("one");
  assert.deepEqual([kept.read(), browser], ["one", {}]);

  kept.remember(true, "one");
  kept.write("two");
  assert.deepEqual(Object.values(browser), ["two"]);

  kept.remember(false, "two");
  assert.deepEqual([kept.read(), browser], ["two", {}]);
});

test("a link brings an operation back, and no headers", () => {
  const address = new URL("https://ci.example/prefix/graphql?old=1");
  const operation = { query: "{ a(b: \"&=#ü\") }", variables: '{"c": 1}' };

  const link = linkTo(address, operation);

  assert.match(link, /^https:\/\/ci\.example\/prefix\/graphql#query=/);
  assert.deepEqual(readLink(new URL(link)), operation);
  assert.deepEqual(readLink(new URL("https://a/graphql?query=%7Ba%7D&headers=%7B%7D")), {
    query: "{a}",
    variables: "",
  });
  assert.equal(readLink(address), null);
});

test("what a link brings is the first tab", () => {
  const start = { version: "1", headers: "{}", tabs: [{ query: "{ ours }", variables: "{}" }] };

  const tabs = openingTabs(start, { query: "{ theirs }", variables: "" });

  assert.deepEqual(tabs, [
    { query: "{ theirs }", variables: null, headers: null },
    { query: "{ ours }", variables: "{}", headers: null },
  ]);
});

test("costs stand out in descriptions, and nothing else is changed", () => {
  assert.equal(emphasiseCost("Jobs. Cost: 1 call; 2 with after."), "Jobs. **Cost: 1 call; 2 with after.**");
  assert.equal(emphasiseCost("What it costs."), "What it costs.");
  assert.deepEqual(withCosts({ data: { name: "Cost: x", description: "Cost: 0." } }), {
    data: { name: "Cost: x", description: "**Cost: 0.**" },
  });
});

const PLAY = `mutation Play($project: ID!, $job: ID!) {
  started: jobPlay(input: {job: {path: {project: $project, job: $job}}}) { item { databaseId } userErrors { code } }
}`;

function answered(payload: unknown, query = PLAY) {
  return {
    query,
    operationName: "Play",
    variables: '{"project": "1", "job": "1"}',
    answer: { data: { started: payload } },
    status: 200,
    duration_ms: 1,
    requestId: null,
  };
}

test("the variable that named a job follows to its new attempt", () => {
  const followed = newAttempt(answered({ item: { databaseId: 7 }, userErrors: [] }));

  assert.deepEqual(followed, { variable: "job", from: "1", to: "7" });
  assert.equal(follow('{\n  // mine\n  "job": "1",\n  "x": 2\n}', followed!), '{\n  // mine\n  "job": "7",\n  "x": 2\n}');
});

test("it stays where it is if the job is the same, refused or named otherwise", () => {
  const same = answered({ item: { databaseId: 1 }, userErrors: [] });
  const refused = answered({ item: { databaseId: 7 }, userErrors: [{ code: "FORBIDDEN" }] });
  const literal = answered({ item: { databaseId: 7 } }, PLAY.replace("job: $job", 'job: "1"'));
  const nothing = answered(null);

  for (const one of [same, refused, literal, nothing]) assert.equal(newAttempt(one), null);
});

test("pieces of a log that come again take the place of those before, and no more is kept than is shown", () => {
  const piece = (startByte: number, text: string) => ({ startByte, endByte: startByte + text.length, text });
  const all = [piece(0, "one "), piece(4, "two ")].reduce(joined, []);

  assert.deepEqual(joined(all, piece(8, "three")).map(({ text }) => text), ["one ", "two ", "three"]);
  assert.deepEqual(joined(all, piece(0, "one two ")).map(({ text }) => text), ["one two "]);
  const long = [...all, piece(8, "x".repeat(SHOWN - 2))];
  assert.deepEqual(joined(long, piece(8 + SHOWN, "y")).map(({ text }) => text.length), [4, SHOWN - 2, 1]);
  assert.deepEqual(joined(long, piece(8 + SHOWN, "yy")).map(({ text }) => text.length), [SHOWN - 2, 2]);
});
