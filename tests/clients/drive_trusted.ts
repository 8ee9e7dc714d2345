// Runs the clients of docs/clients.md by the ids of trusted documents, and prints what they found.

import { ApolloClient, gql, HttpLink } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import { fetchQuery } from "relay-runtime";
import { ask, jobOf, step, tell, tokens, url } from "./drive";
import { makeCache as makeApolloCache } from "./src/apollo";
import { FailedJobs, Items, OneJob, RetryJob } from "./src/operations";
import { makeEnvironment } from "./src/relay/environment";
import * as oneJob from "./src/relay/OneJob";
import { makeCache as makeUrqlCache } from "./src/urql";
import { trusted as trustedApollo } from "./trusted/apollo";
import { trusted as trustedUrql } from "./trusted/urql";

const headers = { "PRIVATE-TOKEN": tokens.maintainer };
/** What was sent: the method, and whether a document's text went over. */
let sent: [string, boolean][] = [];
const send: typeof fetch = (address, options) => {
  const body = options?.body as string | undefined;
  const text = body ?? decodeURIComponent(String(address));
  sent.push([options?.method ?? "GET", /\bquery\b\s*"?\s*[:=]/.test(text)]);
  return fetch(address, options);
};
/** Bodies that were sent by a fetch of the client's own. */
const noted: string[] = [];
globalThis.fetch = new Proxy(fetch, {
  apply: (target, self, [address, options]) => {
    noted.push(String(options?.body ?? ""));
    return Reflect.apply(target, self, [address, options]);
  },
});

const counted = async (find: () => Promise<unknown>) => {
  sent = [];
  return { found: await find(), sent };
};

const link = trustedApollo().concat(new HttpLink({ uri: url, fetch: send, headers }));
const apollo = new ApolloClient({ link, cache: makeApolloCache() });
const urql = new Client({
  url,
  preferGetMethod: false,
  fetch: send,
  fetchOptions: { headers },
  exchanges: [makeUrqlCache(), trustedUrql(), fetchExchange],
});

await step("apollo", () =>
  counted(async () => {
    const variables = { job: jobOf(8) };
    const { data } = await apollo.query({ query: OneJob, variables });
    const retried = await apollo.mutate({ mutation: RetryJob, variables: { job: jobOf(8) } });
    return [data?.job?.name, retried.data?.jobRetry?.userErrors.map(({ code }) => code)];
  }),
);

await step("urql", () =>
  counted(async () => {
    const { data } = await urql.query(FailedJobs, { project: "1" }).toPromise();
    const { data: one } = await urql.query(OneJob, { job: jobOf(8) }).toPromise();
    const ids = [one?.job?.id ?? ""];
    const { data: items } = await urql.query(Items, { ids }).toPromise();
    const retried = await urql.mutation(RetryJob, { job: jobOf(8) }).toPromise();
    return [
      data?.project?.jobs?.edges.length,
      items?.nodes[0]?.__typename,
      retried.data?.jobRetry?.userErrors.map(({ code }) => code),
    ];
  }),
);

await step("relay", async () => {
  noted.length = 0;
  const environment = makeEnvironment(url, () => tokens.developer);
  const data: any = await fetchQuery(environment, oneJob.query, { job: jobOf(8) }).toPromise();
  return { found: Boolean(data.job.value?.id), sent: noted.map((body) => Object.keys(JSON.parse(body))) };
});

await step("free", async () => {
  const unknown = gql`query Unknown { currentUser { databaseId } }`;
  const link = new HttpLink({ uri: url, headers });
  const free = new ApolloClient({ link, cache: makeApolloCache() });
  const { error } = (await free.query({ query: unknown, errorPolicy: "all" })) as { error: any };
  const byUrql = await urql.query("query Unknown { currentUser { databaseId } }", {}).toPromise();
  return [
    error.errors[0].extensions.code,
    byUrql.error?.graphQLErrors[0].extensions.code,
    (await ask("{ __schema { queryType { name } } }")) ?? null,
  ];
});

tell();
