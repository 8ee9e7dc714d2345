// Runs the Apollo Client of docs/clients.md over the gateway, and prints what it found.

import { createHash } from "node:crypto";
import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { jobOf, MANUAL, numbersOf, play, step, tell, tokens, twoIds, url } from "./drive";
import { type Cost, makeCache, makeClient } from "./src/apollo";
import { FailedJobs, Items, OneJob, RetryJob } from "./src/operations";

const costs: Cost[] = [];
const client = makeClient(url, () => tokens.developer, (cost) => costs.push(cost));
const query = async (document: any, variables = {}, options = {}) =>
  (await client.query<any>({ query: document, variables, ...options })) as { data: any; error: any };
const codesOf = (error: unknown) =>
  CombinedGraphQLErrors.is(error) ? error.errors.map((one) => one.extensions?.code) : String(error);

const NAME = gql`query Name($job: JobRef!) { job(by: $job) { id name } }`;
const LINES = gql`query Lines($job: JobRef!) { job(by: $job) { id log { id lineCount } } }`;
let id = "";

await step("pages", async () => {
  const watched = client.watchQuery<any>({ query: FailedJobs, variables: { project: "1" } });
  const shown = watched.subscribe(() => {});
  const first = (await query(FailedJobs, { project: "1" })).data.project.jobs;
  id = first.edges[0].node.id;
  await watched.fetchMore({ variables: { after: first.pageInfo.endCursor } });
  const both = (await query(FailedJobs, { project: "1" }, { fetchPolicy: "cache-only" })).data;
  shown.unsubscribe();
  return {
    first: numbersOf(first.edges),
    both: numbersOf(both.project.jobs.edges),
    asked: costs.length,
  };
});

await step("known", async () => {
  const before = costs.length;
  const { data } = await query(NAME, { job: { id } });
  return { name: data.job.name, asked: costs.length - before };
});

await step("log", async () => {
  const job = { id };
  await query(OneJob, { job });
  await query(LINES, { job });
  const before = costs.length;
  const { tail } = (await query(OneJob, { job })).data.job.log;
  const { lineCount } = (await query(LINES, { job })).data.job.log;
  return { text: tail.text, lineCount, asked: costs.length - before };
});

await step("types", async () => {
  const { data } = await query(Items, { ids: await twoIds() });
  return data.nodes.map((node: any) => [node.__typename, node.name]);
});

await step("changed user", async () => {
  const more = gql`query More($job: JobRef!) { job(by: $job) { id user { databaseId username name } } }`;
  const less = gql`query Less($job: JobRef!) { job(by: $job) { id user { databaseId username } } }`;
  const job = jobOf(MANUAL);
  const before = (await query(more, { job })).data.job.user;
  await play();
  await query(less, { job }, { fetchPolicy: "network-only" });
  const after = (await query(more, { job })).data.job.user;
  return { before: [before.username, before.name], after: [after.username, after.name] };
});

await step("short user", async () => {
  const long = gql`query Long($job: JobRef!) { job(by: $job) { id user { databaseId createdAt } pipeline { id } } }`;
  const short = gql`query Short($id: ID!) { node(id: $id) { id ... on Pipeline { user { databaseId createdAt } } } }`;
  const job = jobOf(8);
  const before = (await query(long, { job })).data.job;
  const { user } = (await query(short, { id: before.pipeline.id })).data.node;
  const after = (await query(long, { job }, { fetchPolicy: "cache-only" })).data.job.user;
  return { same: user.databaseId === after.databaseId, before: before.user.createdAt, after: after.createdAt };
});

await step("partial", async () => {
  const both = gql`query Both($there: JobRef!, $gone: JobRef!) {
    there: job(by: $there) { id name }
    gone: job(by: $gone) { id name }
  }`;
  const { data, error } = await query(both, { there: jobOf(8), gone: jobOf(999_999) });
  return { there: data.there.name, gone: data.gone, codes: codesOf(error) };
});

await step("refused", async () => {
  const { data, error } = await client.mutate({ mutation: RetryJob, variables: { job: jobOf(8) } });
  return { codes: data?.jobRetry?.userErrors.map(({ code }) => code), error: error ?? null };
});

await step("retried", async () => {
  const { data } = await client.mutate({ mutation: RetryJob, variables: { job: jobOf(7) } });
  const before = costs.length;
  const known = (await query(NAME, { job: { id: data?.jobRetry?.item?.id } })).data.job;
  return {
    refusals: data?.jobRetry?.userErrors,
    name: known.name,
    asked: costs.length - before,
  };
});

await step("credential", async () => {
  const stranger = makeClient(url, () => "glpat-nobody");
  const { error } = await stranger.query({ query: FailedJobs, variables: { project: "1" } });
  return codesOf(error);
});

await step("persisted", async () => {
  const sent: { query?: string }[] = [];
  const counted: typeof fetch = (address, options) => {
    sent.push(JSON.parse(options?.body as string));
    return fetch(address, options);
  };
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const send = new HttpLink({ uri: url, fetch: counted, headers: { "PRIVATE-TOKEN": tokens.developer } });
  const link = new PersistedQueryLink({ sha256 }).concat(send);
  const asking = new ApolloClient({ link, cache: makeCache() });
  for (const job of [6, 7]) {
    await asking.query({ query: NAME, variables: { job: jobOf(job) } });
  }
  return sent.map(({ query }) => Boolean(query));
});

await step("costs", async () => costs);

tell();
