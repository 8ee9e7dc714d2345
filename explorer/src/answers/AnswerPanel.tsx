// What stands beside the answer: its cost in upstream calls, how long it took, how to find it in the
// records; and its logs, in place of the JSON.

import { useGraphiQL } from "@graphiql/react";
import { parse } from "jsonc-parser";
import { useCallback, useMemo, useState, useSyncExternalStore } from "react";

import { send, type Headers } from "../fetcher.ts";
import { LogView } from "../logs/LogView.tsx";
import { logsOf } from "../logs/pieces.ts";
import type { Ask } from "../logs/search.ts";
import type { Followed } from "../attempts.ts";
import type { Answered, Answers } from "./answers.ts";

interface Props {
  address: string;
  answers: Answers;
  version: string;
  followed: ReadonlyMap<Answered, Followed>;
}

export function AnswerPanel({ address, answers, version, followed }: Props) {
  const { tab, schema, editor } = useGraphiQL(({ tabs, activeTabIndex, schema, headerEditor }) => ({
    tab: tabs[activeTabIndex]?.id ?? "",
    schema,
    editor: headerEditor,
  }));
  const ask = useCallback<Ask>(
    async (query, variables, signal) => {
      const headers = (parse(editor?.getValue() ?? "") ?? {}) as Headers;
      return (await send(address, { query, variables }, headers, signal)).answer;
    },
    [address, editor],
  );
  const answered = useSyncExternalStore(answers.subscribe, () => answers.of(tab));
  const logs = useMemo(
    () => (answered && schema ? logsOf(schema, answered) : []),
    [answered, schema],
  );
  const [wantsLogs, setWantsLogs] = useState<boolean | null>(null);
  // Of a log that grows the JSON is a piece.
  const showsLogs = (wantsLogs ?? logs.some((log) => log.grows)) && logs.length > 0;
  const moved = answered && followed.get(answered);

  return (
    <>
      {logs.length > 0 && (
        <div className="views" role="group" aria-label="Show the answer as">
          <button type="button" aria-pressed={!showsLogs} onClick={() => setWantsLogs(false)}>
            JSON
          </button>
          <button type="button" aria-pressed={showsLogs} onClick={() => setWantsLogs(true)}>
            {logs.length === 1 ? "Log" : `Logs (${logs.length})`}
          </button>
        </div>
      )}
      {showsLogs && <LogView logs={logs} ask={ask} />}
      <section className="facts" aria-label="About the answer">
        {answered && <Hint answered={answered} />}
        {moved && (
          <p className="hint" role="status">
            That made a new attempt: the variable “{moved.variable}” now says {moved.to} in place of{" "}
            {moved.from}.
          </p>
        )}
        {answered && <Facts answered={answered} />}
        <p className="version">
          Jobs Gateway {version} · <a href="graphql/explorer/licences.txt" target="_blank" rel="noreferrer">licences</a>
        </p>
      </section>
    </>
  );
}

function Facts({ answered }: { answered: Answered }) {
  const { answer, duration_ms, requestId, events } = answered;
  const cost = answer.extensions?.cost;
  return (
    <dl>
      {cost && events && (
        <Fact
          name="Calls of this event"
          value={cost.estimated ? `${cost.calls} of at most ${cost.estimated}` : "none of its own"}
          says="Calls for what is selected below the event. Watching takes calls too: those of one poller, for all who watch the same."
        />
      )}
      {cost && !events && (
        <Fact
          name="Upstream calls"
          value={`${cost.calls} of at most ${cost.estimated}`}
          says="Calls made, and the bound that was known before the first one"
        />
      )}
      {cost && (cost.estimated > 0 || !events) && (
        <>
          <Fact name="Shared" value={cost.shared} says="Calls saved: others had the same under way" />
          <Fact name="Cached" value={cost.cached} says="Calls saved: the answer was still fresh" />
          <Fact name="Retried" value={cost.retried} says="Further calls after failures" />
        </>
      )}
      {events && <Fact name="Events" value={events.length} says="Responses of this subscription so far" />}
      <Fact name="Took" value={`${Math.round(duration_ms)} ms`} says="From sending to the whole answer, seen from here" />
      {requestId !== null && (
        <Fact name="Request" value={requestId} says="The gateway's records hold it under this id" />
      )}
    </dl>
  );
}

function Fact({ name, value, says }: { name: string; value: string | number; says: string }) {
  return (
    <div title={says}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** What to do about the errors that a person meets first. */
function Hint({ answered }: { answered: Answered }) {
  const error = answered.answer.errors?.[0];
  const code = error?.extensions?.code;
  const says =
    code === "UNAUTHENTICATED"
      ? "The upstream did not take the credential: set PRIVATE-TOKEN under Headers, below the operation."
      : code === "FORBIDDEN"
        ? "The credential under Headers is known, but may not do this."
        : code === "COST_EXCEEDED"
          ? "Nothing was sent: at worst it would take more upstream calls than are allowed."
          : null;
  if (says === null) return null;
  return <p className="hint" role="status">{says}</p>;
}
