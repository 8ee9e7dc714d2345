// One pipeline: stages with jobs and bridges, kept up to date by a subscription. A bridge unfolds the
// pipeline that it started, as another of these panels.

import { useEffect, useState } from "react";
import { useQuery, useSubscription } from "urql";

import { useActions } from "./actions.tsx";
import { hrefOf, type Place } from "./address.ts";
import { Ago, Lasting, OVER, State } from "./facts.tsx";
import type { ItemFragment, PipelineQuery, PipelineRef, Status } from "./gql/graphql.ts";
import { Cancel, CancelPipeline, OnePipeline, PipelineChanges, Play, Retry, RetryAllFailed } from "./operations.ts";
import { isLive, Panel } from "./Panel.tsx";

type Stages = NonNullable<NonNullable<PipelineQuery["pipeline"]>["stages"]>["nodes"];
type Row = Stages[number]["items"][number];

export function PipelinePanel({ reference, place, level = 2 }: { reference: PipelineRef; place: Place; level?: number }) {
  const StageHeading = `h${Math.min(level + 1, 6)}` as "h3";
  const [withAttempts, setWithAttempts] = useState(false);
  const { act, taken, isBusy } = useActions();
  const variables = { pipeline: reference, withAttempts };
  const [result] = useQuery({ query: OnePipeline, variables });
  const pipeline = result.data?.pipeline;
  const [live, subscribe] = useSubscription({ query: PipelineChanges, variables: { pipeline: reference } });
  // It ends with the pipeline. An action may have started that again.
  useEffect(() => {
    if (taken && !isLive(live)) subscribe();
  }, [taken]);

  const name = live.data?.pipelineUpdated?.pipeline.name;
  const rows = pipeline?.stages?.nodes.flatMap(({ items }) => items) ?? [];
  const failed = rows.filter(({ status }) => status === "FAILED").length;
  return (
    <Panel
      level={level}
      title={<>{pipeline && <State status={pipeline.status} />} Pipeline #{pipeline?.databaseId ?? place.pipeline}</>}
      asked={{ query: OnePipeline, variables }}
      result={result}
      live={live}
      actions={
        pipeline && (
          <>
            {failed > 0 && (
              <button type="button" disabled={isBusy} onClick={() => act("Retry all failed", RetryAllFailed, { pipeline: { id: pipeline.id } })}>
                Retry all failed ({failed})
              </button>
            )}
            {!OVER.includes(pipeline.status) && (
              <button type="button" disabled={isBusy} onClick={() => act("Cancel the pipeline", CancelPipeline, { pipeline: { id: pipeline.id } })}>
                Cancel pipeline
              </button>
            )}
          </>
        )
      }
    >
      {pipeline && (
        <p className="quiet">
          {name && `${name} · `}{pipeline.ref} · <code>{pipeline.sha?.slice(0, 8)}</code> · {pipeline.source} ·{" "}
          <Ago time={pipeline.createdAt} /> · {counts(rows)}
        </p>
      )}
      <label className="toggle">
        <input type="checkbox" checked={withAttempts} onChange={(event) => setWithAttempts(event.target.checked)} /> Earlier attempts
      </label>
      {pipeline?.stages?.partial && <p className="notice">There is more: the limit of rows was reached.</p>}
      <ol className="stages" aria-label="Stages">
        {pipeline?.stages?.nodes.map((stage, index) => (
          <li key={stage.name ?? index}>
            <StageHeading>
              {stage.name ?? "no stage"}{" "}
              <span className="quiet">
                {stage.items.filter(({ status }) => OVER.includes(status)).length} of {stage.items.length} finished
              </span>
            </StageHeading>
            <ul className="jobs">
              {stage.items.map((item) => <Line key={item.id} item={item} place={place} withAttempts={withAttempts} level={level + 2} />)}
            </ul>
          </li>
        ))}
      </ol>
      {!pipeline && result.fetching && <p className="empty">Reading…</p>}
      {!pipeline && !result.fetching && !result.error && <p className="empty">There is no such pipeline, or you may not see it.</p>}
    </Panel>
  );
}

function counts(rows: { status: Status | null }[]): string {
  const by = Map.groupBy(rows, ({ status }) => (status ?? "UNKNOWN").toLowerCase().replaceAll("_", " "));
  return [...by].map(([status, some]) => `${some.length} ${status}`).join(", ");
}

function Line({ item, place, withAttempts, level }: { item: Row; place: Place; withAttempts: boolean; level: number }) {
  const [isOpen, setOpen] = useState(false);
  const child = item.__typename === "Bridge" ? item.downstreamPipeline : null;
  const isChosen = place.job === String(item.databaseId) || place.job === item.id;
  const earlier = "attempts" in item && withAttempts ? item.attempts?.nodes.filter(({ id }) => id !== item.id) : [];
  return (
    <li>
      <div className={isChosen ? "line chosen" : "line"}>
        <State status={item.status} />
        {item.__typename === "Job" ? (
          <a className="name" href={hrefOf({ ...place, job: item.id })} aria-current={isChosen || undefined}>{item.name}</a>
        ) : (
          <span className="name">
            {child ? (
              <button type="button" className="unfold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
                <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span> {item.name}
              </button>
            ) : item.name}
            <span className="quiet">{child ? ` starts #${child.databaseId}` : " starts a pipeline"}</span>
          </span>
        )}
        {item.allowFailure && <span className="quiet">may fail</span>}
        <Lasting of={item} />
        <ItemActions item={item} place={place} />
      </div>
      {earlier && earlier.length > 0 && (
        <ul className="attempts" aria-label={`Earlier attempts of ${item.name}`}>
          {earlier.map((one) => (
            <li key={one.id}>
              <State status={one.status} words /> <a href={hrefOf({ ...place, job: one.id })}>#{one.databaseId}</a> <Lasting of={one} />
            </li>
          ))}
        </ul>
      )}
      {child && isOpen && <PipelinePanel reference={{ id: child.id }} place={place} level={level} />}
    </li>
  );
}

/** What its state allows; each acts only if that is still the state, as the person saw it. */
export function ItemActions({ item, place }: { item: ItemFragment; place: Place }) {
  const { act, isBusy } = useActions();
  const { id, name, status } = item;
  const seen = { job: { id }, ifStatus: status ? [status] : null };

  async function retry() {
    const data = await act(`Retry ${name}`, Retry, { input: seen });
    const made = data?.jobRetry?.item;
    // Whoever reads the log of the old attempt wants that of the new one.
    if (made && (place.job === id || place.job === String(item.databaseId))) location.hash = hrefOf({ ...place, job: made.id });
  }

  return (
    <span className="actions">
      {item.playable && (
        <button type="button" disabled={isBusy} onClick={() => act(`Play ${name}`, Play, { input: seen })}>
          Play<span className="unseen"> {name}</span>
        </button>
      )}
      {item.cancelable && (
        <button type="button" disabled={isBusy} onClick={() => act(`Cancel ${name}`, Cancel, { input: { job: { id } } })}>
          Cancel<span className="unseen"> {name}</span>
        </button>
      )}
      {item.retryable && (
        <button type="button" disabled={isBusy} onClick={retry}>
          Retry<span className="unseen"> {name}</span>
        </button>
      )}
    </span>
  );
}
