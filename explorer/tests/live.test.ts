// Subscriptions: told apart from other operations, and the pieces of their logs put together.

import assert from "node:assert/strict";
import { test } from "node:test";

import { buildSchema } from "graphql";

import { meant } from "../src/fetcher.ts";
import { isSubscription } from "../src/live.ts";
import { logsOf } from "../src/logs/pieces.ts";

const SCHEMA = buildSchema(`
  type Query { job: Job }
  type Subscription { jobLog: LogChunk jobUpdated: Job }
  type Job { name: String log: Log }
  type Log { tail: LogChunk }
  type LogChunk { text: String }
`);

function answered(query: string, events: unknown[]) {
  const told = { operationName: null, variables: "{}", status: 200, duration_ms: 0, requestId: null };
  return { ...told, query, answer: { data: events.at(-1) }, events };
}

test("a subscription is known by the operation that is run", () => {
  const query = "query A { job { name } } subscription B { jobLog { text } }";

  assert.equal(isSubscription({ query, operationName: "A" }), false);
  assert.equal(isSubscription({ query, operationName: "B" }), true);
  assert.equal(isSubscription({ query: "subscription { jobLog { text } }" }), true);
  assert.equal(isSubscription({ query: "subscription {" }), false);
});

test("a document's only operation is run, whatever name was read before", () => {
  const named = (query: string) => meant({ query, operationName: "Before" }).operationName;

  assert.equal(named("query After { job { name } }"), "After");
  assert.equal(named("{ job { name } }"), undefined);
  assert.equal(named("query Before { job { name } } query After { job { name } }"), "Before");
  assert.equal(named("query After {"), "Before");
});

test("pieces are put together, each once, and errors between them do no harm", () => {
  const events: unknown[] = [{ jobLog: { text: "one\n" } }, { jobLog: null }];
  const asked = answered("subscription { jobLog { text } }", events);

  assert.deepEqual(logsOf(SCHEMA, asked).map(({ text }) => text), ["one\n"]);
  events.push({ jobLog: { text: "two\n" } }, { jobLog: { text: "three\n" } });
  logsOf(SCHEMA, asked);

  assert.deepEqual(
    logsOf(SCHEMA, { ...asked }).map(({ text, grows }) => [text, grows]),
    [["one\ntwo\nthree\n", true]],
  );
});

test("the tail of an event takes the place of the one before", () => {
  const events = ["one", "two"].map((text) => ({ jobUpdated: { name: "a", log: { tail: { text } } } }));

  const logs = logsOf(SCHEMA, answered("subscription { jobUpdated { name log { tail { text } } } }", events));

  assert.deepEqual(logs.map(({ text, job, grows }) => [text, job, grows]), [["two", "a", false]]);
});
