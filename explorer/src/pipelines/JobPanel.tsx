// The chosen job and its log: the end of it at once, then what is written, as it is written.

import { useLayoutEffect, useRef } from "react";
import { useQuery, useSubscription } from "urql";

import { LogText } from "../logs/LogView.tsx";
import { hrefOf, jobRef, type Place } from "./address.ts";
import { Lasting, OVER, State } from "./facts.tsx";
import { JobChanges, LogGoesOn, OneJob } from "./operations.ts";
import { Panel } from "./Panel.tsx";
import { ItemActions } from "./PipelinePanel.tsx";

interface Piece {
  text: string;
  startByte: number;
  endByte: number;
}

/** Of a long log that goes on the last so many characters are shown. */
const SHOWN = 400_000;

export function JobPanel({ place }: { place: Place }) {
  const variables = { job: jobRef(place) };
  // A log that the cache holds may have grown since.
  const [result] = useQuery({ query: OneJob, variables, requestPolicy: "network-only" });
  const job = result.data?.job;
  const tail = job?.log?.tail;
  // As it was read first: what is told later does not begin from there again.
  const first = useRef<{ pieces: Piece[]; fromByte: number; goesOn: boolean }>(undefined);
  if (job && !result.fetching && !first.current) {
    const pieces = tail ? [tail] : [];
    first.current = { pieces, fromByte: tail?.endByte ?? 0, goesOn: !OVER.includes(job.status) };
  }
  const { pieces = [], fromByte = 0, goesOn = false } = first.current ?? {};
  const [changes] = useSubscription({ query: JobChanges, variables, pause: !goesOn });
  const [log] = useSubscription(
    { query: LogGoesOn, variables: { ...variables, fromByte }, pause: !goesOn },
    (_, data) => {
      if (data.jobLog) first.current!.pieces = joined(first.current!.pieces, data.jobLog);
      return data;
    },
  );
  const text = pieces.map((piece) => piece.text).join("").slice(-SHOWN);
  const { pipeline, project } = place;

  return (
    <Panel
      title={<>{job && <State status={job.status} />} {job?.name ?? "Job"}</>}
      asked={{ query: OneJob, variables }}
      result={result}
      live={goesOn ? { ...changes, error: changes.error ?? log.error } : undefined}
      actions={
        <>
          {job && <ItemActions item={job} place={place} />}
          <a className="close" href={hrefOf({ project, pipeline })} aria-label="Close the job">×</a>
        </>
      }
    >
      {job && (
        <p className="quiet">
          <State status={job.status} words /> · #{job.databaseId} · {job.stage} · <Lasting of={job} />
          {job.failureReason && ` · ${job.failureReason.toLowerCase().replaceAll("_", " ")}`}
          {job.user && ` · ${job.user.name}`}{job.runner && ` · ${job.runner.description}`}
        </p>
      )}
      {tail?.truncated && <p className="quiet">The end of a longer log:</p>}
      <Following text={text} />
      {first.current && !text && <p className="empty">{goesOn ? "Nothing is written yet." : "The log is empty."}</p>}
      {!job && !result.fetching && !result.error && <p className="empty">There is no such job, or you may not see it.</p>}
    </Panel>
  );
}

/** A piece after others. After a break pieces come again from where the first began: those give way. */
function joined(pieces: Piece[], piece: Piece): Piece[] {
  return [...pieces.filter((one) => one.startByte < piece.startByte), piece];
}

/** Stays at the end, unless the person has scrolled up. */
function Following({ text }: { text: string }) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);
  function scrolled({ scrollHeight, scrollTop, clientHeight }: HTMLElement) {
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40;
  }
  if (!text) return null;
  return (
    <div ref={box} className="log-box" role="log" aria-live="off" aria-label="Log" tabIndex={0} onScroll={(event) => scrolled(event.currentTarget)}>
      <LogText text={text} />
    </div>
  );
}
