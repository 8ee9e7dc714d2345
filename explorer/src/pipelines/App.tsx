// What is where: pipelines to the left, the chosen one beside them, the chosen job to the right.

import { useEffect, useRef, useState, type FormEvent, type RefObject } from "react";

import type { KeptHeaders } from "../storage.ts";
import { hrefOf, pipelineRef, usePlace, type Place } from "./address.ts";
import { JobPanel } from "./JobPanel.tsx";
import type { Start } from "./main.tsx";
import { PipelineList } from "./PipelineList.tsx";
import { PipelinePanel } from "./PipelinePanel.tsx";

export function App({ start, kept }: { start: Start; kept: KeptHeaders }) {
  const place = usePlace({ project: start.project, pipeline: start.pipeline });
  const main = useRef<HTMLElement>(null);
  useShowing(main, place);
  return (
    <>
      <header className="top">
        <h1>Pipelines</h1>
        <ProjectForm place={place} />
        <Credential kept={kept} demo={start.headers} />
        <a href="graphql" target="_blank" rel="opener">
          GraphiQL<span className="unseen"> in a new tab</span>
        </a>
      </header>
      <main ref={main} className={place.job ? "three" : "two"}>
        {place.project ? (
          <>
            <PipelineList key={place.project} place={place} />
            {place.pipeline ? (
              <div className="column">
                <PipelinePanel key={`${place.project} ${place.pipeline}`} reference={pipelineRef(place)} place={place} />
              </div>
            ) : (
              <p className="empty">Choose a pipeline.</p>
            )}
            {place.job && <JobPanel key={`${place.project} ${place.job}`} place={place} />}
          </>
        ) : (
          <p className="empty">Name a project by its number or full path, and give a credential that may read it.</p>
        )}
      </main>
    </>
  );
}

/** What a person chooses comes into sight, where there is no room for all. */
function useShowing(main: RefObject<HTMLElement | null>, { project, pipeline, job }: Place) {
  const isFirst = useRef(true);
  useEffect(() => {
    const chosen = job ? ":scope > :last-child > header" : ".column header";
    const heading = main.current?.querySelector(chosen);
    if (!isFirst.current && pipeline && heading && !isHigh(heading)) heading.scrollIntoView();
    isFirst.current = false;
  }, [main, project, pipeline, job]);
}

/** In sight, with room below it for what it heads. */
function isHigh(heading: Element): boolean {
  const { top } = heading.getBoundingClientRect();
  return top >= 0 && top < innerHeight * 0.4;
}

function ProjectForm({ place }: { place: Place }) {
  function open(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const project = String(new FormData(event.currentTarget).get("project")).trim();
    if (project) location.hash = hrefOf({ project });
  }
  return (
    <form onSubmit={open} key={place.project}>
      <label>
        Project <input name="project" defaultValue={place.project} autoComplete="off" spellCheck={false} />
      </label>
      <button type="submit">Show</button>
    </form>
  );
}

const NAMES = ["PRIVATE-TOKEN", "Authorization", "JOB-TOKEN"];

/** Kept as the explorer keeps it: for this tab's session, or in the browser. In no address. */
function Credential({ kept, demo }: { kept: KeptHeaders; demo: string }) {
  const [isKept, setKept] = useState(kept.isRemembered);
  const details = useRef<HTMLDetailsElement>(null);
  useLeaving(details);
  function use(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    kept.remember(isKept, JSON.stringify({ [String(given.get("name"))]: given.get("value") }, null, 2));
    details.current!.open = false;
    // All that is known here was told to another.
    location.reload();
  }
  return (
    <details className="credential" ref={details}>
      <summary>Credential</summary>
      <form onSubmit={use}>
        <label>
          Header <select name="name">{NAMES.map((name) => <option key={name}>{name}</option>)}</select>
        </label>
        <label>
          Value <input name="value" type="password" required autoComplete="off" />
        </label>
        <label>
          <input type="checkbox" checked={isKept} onChange={(event) => setKept(event.target.checked)} /> Remember
          beyond this tab
        </label>
        <button type="submit">Use it</button>
        {demo.includes("sandbox") && <p>Over the sandbox a demo token is used until you give one.</p>}
      </form>
    </details>
  );
}

/** Closed by Escape, or by going elsewhere. */
function useLeaving(details: RefObject<HTMLDetailsElement | null>) {
  useEffect(() => {
    function leave(event: Event) {
      const shown = details.current;
      if (!shown?.open) return;
      const isInside = shown.contains(event.target as Node);
      if (event instanceof KeyboardEvent ? event.key !== "Escape" : isInside) return;
      shown.open = false;
      if (isInside) shown.querySelector("summary")!.focus();
    }
    const events = ["keydown", "pointerdown", "focusin"];
    events.forEach((event) => addEventListener(event, leave));
    return () => events.forEach((event) => removeEventListener(event, leave));
  }, [details]);
}
