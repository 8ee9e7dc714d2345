// The frame of each panel: its heading, what went wrong, what it cost, and its operation in GraphiQL.

import { stringifyDocument, type AnyVariables, type CombinedError, type DocumentInput, type Operation } from "@urql/core";
import { useId, type ReactNode } from "react";

import { linkTo } from "../start.ts";
import { costs } from "./client.ts";
import { useIsOpen } from "./connection.ts";

interface Live {
  data?: unknown;
  error?: CombinedError;
  fetching: boolean;
}

interface Props {
  title: ReactNode;
  /** The operation that it shows, and its variables. */
  asked: { query: DocumentInput; variables: AnyVariables };
  result: { fetching: boolean; error?: CombinedError; operation?: Operation };
  /** Of the subscription that keeps it up to date. */
  live?: Live;
  children: ReactNode;
  actions?: ReactNode;
  /** Of its heading: panels stand in panels. */
  level?: number;
}

export function Panel({ title, asked, result, live, children, actions, level = 2 }: Props) {
  const id = useId();
  const Heading = `h${Math.min(level, 6)}` as "h2";
  return (
    <section className={level > 2 ? "panel inner" : "panel"} aria-labelledby={id} aria-busy={result.fetching}>
      <header>
        <Heading id={id}>{title}</Heading>
        <div className="actions">{actions}</div>
      </header>
      <Faults error={result.error} />
      <Faults error={live?.error} before="Not live: " />
      {children}
      <About asked={asked} result={result} live={live} />
    </section>
  );
}

function About({ asked, result, live }: Pick<Props, "asked" | "result" | "live">) {
  const cost = costs.get(result.operation?.key ?? 0);
  const told = howLive(live, useIsOpen());
  const link = linkTo(new URL("graphql", location.href.split("#")[0]), {
    query: stringifyDocument(asked.query),
    variables: JSON.stringify(asked.variables, null, 2),
  });
  return (
    <footer>
      {cost && (
        <span title={`${cost.shared} shared, ${cost.cached} cached`}>
          {cost.calls} of at most {cost.estimated} upstream calls
        </span>
      )}
      {live && <span className={told === "live" ? "live" : undefined}>{told}</span>}
      {/* A tab that is opened so has the same session, and with it the credential. */}
      <a href={link} target="_blank" rel="opener">
        Open in GraphiQL<span className="unseen"> in a new tab</span>
      </a>
    </footer>
  );
}

function howLive(live: Live | undefined, isOpen: boolean): string | undefined {
  if (!live) return;
  if (live.error) return "not live";
  if (isLive(live)) return isOpen ? "live" : "connecting again…";
  return live.data ? "finished" : "connecting…";
}

/** Does more come? urql tells it with each event, though its types do not say so. */
export function isLive(live: Live): boolean {
  return (live as { hasNext?: boolean }).hasNext === true;
}

export function messagesOf(error: CombinedError): string[] {
  if (error.networkError) {
    const why = error.networkError.message || "the connection was closed";
    return [`no answer from the gateway: ${why}`];
  }
  // Messages say what they are about; where it stands in the answer is of use further down only.
  return error.graphQLErrors.map(({ message, extensions, path }) => {
    const place = path && path.length > 1 ? `, at ${path.join(".")}` : "";
    const code = extensions.code ? ` (${extensions.code}${place})` : place;
    const hint = extensions.code === "UNAUTHENTICATED" ? "; give another credential above" : "";
    return `${message}${code}${hint}`;
  });
}

/** What failed is null, what did not is there: both are shown. */
function Faults({ error, before = "" }: { error?: CombinedError; before?: string }) {
  if (!error) return null;
  const messages = [...new Set(messagesOf(error))];
  return (
    <div className="notice refused" role="alert">
      <ul>{messages.map((text) => <li key={text}>{before}{text}</li>)}</ul>
    </div>
  );
}
