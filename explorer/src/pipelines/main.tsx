// A page over the gateway, written to be read and taken from: pipelines, jobs and logs, live.
//
//     operations.ts   all that is asked        client.ts        cache, cost
//     App.tsx         what is where            connection.ts    subscriptions, over breaks
//                                              Panel.tsx        cost, errors, link to GraphiQL

import "./style.css";

import { createRoot } from "react-dom/client";
import { Provider } from "urql";

import { KeptHeaders } from "../storage.ts";
import { ActionsProvider } from "./actions.tsx";
import { App } from "./App.tsx";
import { makeClient } from "./client.ts";
import { Connection, ConnectionContext } from "./connection.ts";

export interface Start {
  /** JSON of the headers to begin with: a demo token over the sandbox. */
  headers: string;
  project: string;
  pipeline: string;
}

const start = JSON.parse(document.getElementById("start")!.textContent) as Start;
// The explorer's: what is set in one holds in the other.
const kept = new KeptHeaders(sessionStorage, localStorage);
const address = new URL("graphql", location.href.split("#")[0]).href;
const headers = headersOf(kept.read() ?? start.headers);
const connection = new Connection(address, headers);
const client = makeClient(address, headers, connection);

createRoot(document.getElementById("pipelines")!).render(
  <Provider value={client}>
    <ConnectionContext value={connection}>
      <ActionsProvider>
        <App start={start} kept={kept} />
      </ActionsProvider>
    </ConnectionContext>
  </Provider>,
);

/** Those that are filled in; none where the explorer's editor was left with something else. */
function headersOf(text: string): Record<string, string> {
  try {
    const pairs = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return Object.fromEntries(pairs.filter(([, value]) => value).map(([name, value]) => [name, `${value}`]));
  } catch {
    return {};
  }
}
