// The pipelines of a project, newest first. The one that is open changes here too: it is one record.

import { useState } from "react";
import { useQuery } from "urql";

import { hrefOf, type Place } from "./address.ts";
import { Ago, State } from "./facts.tsx";
import { Pipelines } from "./operations.ts";
import { Panel } from "./Panel.tsx";

export function PipelineList({ place }: { place: Place }) {
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const [query, setQuery] = useState({ project: place.project, after: null as string | null });
  const [result, again] = useQuery({ query: Pipelines, variables: query });
  const project = result.data?.project;
  const page = project?.pipelines?.pageInfo;

  function show(cursors: (string | null)[]) {
    setPages(cursors);
    setQuery({ project: place.project, after: cursors.at(-1)! });
  }

  return (
    <Panel
      title={project?.fullPath ?? `Project ${place.project}`}
      asked={{ query: Pipelines, variables: query }}
      result={result}
      actions={
        <button type="button" onClick={() => again({ requestPolicy: "network-only" })}>
          Reload
        </button>
      }
    >
      <ul className="pipelines">
        {project?.pipelines?.edges.map((edge, index) => {
          const one = edge?.node;
          if (!one) return <li key={index} className="empty">A pipeline that cannot be read.</li>;
          const number = String(one.databaseId);
          const isOpen = place.pipeline === one.id || place.pipeline === number;
          return (
            <li key={one.id}>
              <a href={hrefOf({ project: place.project, pipeline: number })} aria-current={isOpen || undefined}>
                <State status={one.status} />
                <span className="name">{one.name ?? one.ref}</span>
                <span className="quiet">
                  #{number} · {one.name ? `${one.ref} · ` : ""}{one.source} · <Ago time={one.createdAt} />
                </span>
              </a>
            </li>
          );
        })}
      </ul>
      {project?.pipelines?.edges.length === 0 && <p className="empty">There are no pipelines yet.</p>}
      {(pages.length > 1 || page?.hasNextPage) && (
        <div className="pages">
          <button type="button" disabled={pages.length < 2} onClick={() => show(pages.slice(0, -1))}>Newer</button>
          <button type="button" disabled={!page?.hasNextPage} onClick={() => show([...pages, page!.endCursor ?? null])}>
            Older
          </button>
        </div>
      )}
    </Panel>
  );
}
