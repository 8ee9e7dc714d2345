// The frame of each panel: its heading, what went wrong, what it cost, and its operation in GraphiQL.

import { stringifyDocument, type AnyVariables, type CombinedError, type DocumentInput } from "@urql/core";
import { useId, useRef, type ReactNode } from "react";

import { linkTo } from "../start.ts";

interface Cost {
  /** Upstream calls at worst, known before the first. */
  estimated: number;
  calls: number;
  shared: number;
  cached: number;
}

interface Live {
  data?: unknown;
  error?: CombinedError;
  fetching: boolean;
}

interface Props {
  title: ReactNode;
  /** The operation that it shows, and its variables. */
  asked: { query: DocumentInput; variables: AnyVariables };
  result: { fetching: boolean; error?: CombinedError; extensions?: Record<string, unknown> };
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
  // What comes out of the cache cost nothing and says nothing: the last answer's cost stands.
  const cost = useRef<Cost>(undefined);
  cost.current = (result.extensions?.cost as Cost | undefined) ?? cost.current;
  const link = linkTo(new URL("graphql", location.href.split("#")[0]), {
    query: stringifyDocument(asked.query),
    variables: JSON.stringify(asked.variables, null, 2),
  });
  return (
    <footer>
      {cost.current && (
        <span title={`${cost.current.shared} shared, ${cost.current.cached} cached`}>
          {cost.current.calls} of at most {cost.current.estimated} upstream calls
        </span>
      )}
      {live && <span className={isLive(live) ? "live" : ""}>{isLive(live) ? "live" : live.data || live.error ? "finished" : "connecting…"}</span>}
      {/* A tab that is opened so has the same session, and with it the credential. */}
      <a href={link} target="_blank" rel="opener">
        Open in GraphiQL<span className="unseen"> in a new tab</span>
      </a>
    </footer>
  );
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
  return error.graphQLErrors.map(({ message, extensions, path }) => {
    const code = extensions.code ? ` (${extensions.code})` : "";
    const hint = extensions.code === "UNAUTHENTICATED" ? "; give another credential above" : "";
    return `${path ? `${path.join(".")}: ` : ""}${message}${code}${hint}`;
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
