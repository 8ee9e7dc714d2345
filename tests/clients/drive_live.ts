// Subscribes to a job by each client of docs/clients.md until it is canceled, and prints the states.

import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import { createClient as createSse } from "graphql-sse";
import { Environment, Network, RecordSource, Store } from "relay-runtime";
import WebSocket from "ws";
import { ask, jobOf, step, tell, tokens, url } from "./drive";
import { connect, live, liveExchange, liveFor } from "./src/live";

const jobs: number[] = JSON.parse(process.env.JOBS as string);
const headers = { "PRIVATE-TOKEN": tokens.developer };
const TEXT = "subscription Live($job: JobRef!) { jobUpdated(job: $job) { id status } }";
const DOCUMENT = gql(TEXT);
const connection = connect(url, () => tokens.developer, { webSocketImpl: WebSocket });

const cancel = (job: number) =>
  ask(`mutation { jobCancel(input: {job: {path: {project: 1, job: ${job}}}}) { job { status } } }`);

interface Sink {
  next: (result: any) => void;
  error: (error: unknown) => void;
  complete: () => void;
}

/** The states that a subscription tells, the job being canceled after the first. */
function states(subscribe: (variables: { job: any }, sink: Sink) => unknown) {
  const job = jobs.shift() as number;
  return new Promise((resolve, reject) => {
    const seen: string[] = [];
    subscribe(
      { job: jobOf(job) },
      {
        next: ({ data, error, errors }) => {
          if (error || errors) return reject(error ?? errors);
          if (seen.push(data.jobUpdated.status) === 1) cancel(job);
        },
        error: reject,
        complete: () => resolve(seen),
      },
    );
  });
}

const http = new HttpLink({ uri: url, headers });

/** urql tells the end of a subscription by its source, and the last state once more before it. */
function byUrql(client: Client) {
  return states((variables, sink) => {
    client.subscription(TEXT, variables)((signal: any) => {
      if (signal === 0) sink.complete();
      else if (signal.tag === 0) signal[0](0);
      else if (signal[0].hasNext) sink.next(signal[0]);
    });
  });
}

// Each has a job of its own, so all subscribe at once.
await Promise.all([
  step("graphql-ws", () =>
    states((variables, sink) => connection.subscribe({ query: TEXT, variables }, sink as any)),
  ),
  step("graphql-sse", () => {
    const client = createSse({ url, headers });
    return states((variables, sink) => client.subscribe({ query: TEXT, variables }, sink as any));
  }),
  step("apollo websocket", () => {
    const client = new ApolloClient({ cache: new InMemoryCache(), link: live(connection, http) });
    return states((variables, sink) =>
      client.subscribe({ query: DOCUMENT, variables }).subscribe(sink),
    );
  }),
  step("apollo multipart", () => {
    const client = new ApolloClient({ cache: new InMemoryCache(), link: http });
    return states((variables, sink) =>
      client.subscribe({ query: DOCUMENT, variables }).subscribe(sink),
    );
  }),
  step("urql websocket", () =>
    byUrql(
      new Client({
        url,
        preferGetMethod: false,
        exchanges: [liveExchange(connection), fetchExchange],
      }),
    ),
  ),
  step("urql sse", () =>
    byUrql(
      new Client({
        url,
        preferGetMethod: false,
        fetchOptions: { headers },
        fetchSubscriptions: true,
        exchanges: [fetchExchange],
      }),
    ),
  ),
  step("relay", () => {
    const subscribe = liveFor(connection);
    return states((variables, sink) =>
      (subscribe({ text: TEXT, name: "Live" } as any, variables, {}) as any).subscribe(sink),
    );
  }),
]);

await connection.dispose();
tell();
