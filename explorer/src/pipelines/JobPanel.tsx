// The chosen job and its log: the end of it at once, then what is written, as it is written.

import { useLayoutEffect, useRef, useState } from "react";
import { useQuery, useSubscription } from "urql";

import { LogText } from "../logs/LogView.tsx";
import { hrefOf, jobRef, type Place } from "./address.ts";
import { Lasting, OVER, State } from "./facts.tsx";
import { useLog } from "./log.ts";
import { JobChanges, OneJob } from "./operations.ts";
import { Panel } from "./Panel.tsx";
import { SHOWN, type Piece } from "./pieces.ts";
import { ItemActions } from "./PipelinePanel.tsx";

export function JobPanel({ place }: { place: Place }) {
  const variables = { job: jobRef(place) };
  // A log that the cache holds may have grown since.
  const [result] = useQuery({ query: OneJob, variables, requestPolicy: "network-only" });
  const job = result.data?.job;
  // What is told later is put after the end of the log as it was read first.
  const [begun, setBegun] = useState<{ tail: (Piece & { truncated: boolean }) | null }>();
  if (job && !result.fetching && !begun && !OVER.includes(job.status)) setBegun({ tail: job.log?.tail ?? null });
  const [changes] = useSubscription({ query: JobChanges, variables, pause: !begun });
  const log = useLog(place, begun?.tail?.endByte ?? 0, { pause: !begun, heard: changes.data?.jobUpdated });
  const tail = begun ? begun.tail : job?.log?.tail;
  const pieces = tail ? [tail, ...log.pieces] : log.pieces;
  const text = pieces.map((piece) => piece.text).join("").slice(-SHOWN);
  const { pipeline, project } = place;

  return (
    <Panel
      title={<>{job && <State status={job.status} />} {job?.name ?? "Job"}</>}
      asked={{ query: OneJob, variables }}
      result={result}
      live={begun ? { ...changes, error: changes.error ?? log.error } : undefined}
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
      {job && !result.fetching && !result.error && !text && <p className="empty">{begun ? "Nothing is written yet." : "The log is empty."}</p>}
      {!job && !result.fetching && !result.error && <p className="empty">There is no such job, or you may not see it.</p>}
    </Panel>
  );
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
