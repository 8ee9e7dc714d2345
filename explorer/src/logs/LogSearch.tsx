// A box that finds lines in the whole log. Enter finds the next one, Shift+Enter the one before,
// Escape ends it.

import { useEffect, useId, useRef, useState, type FormEvent, type KeyboardEvent } from "react";

import { AT_ONCE, cut, search, type Ask, type Match } from "./search.ts";

interface Props {
  /** What the log is called on the page, where others may stand beside it. */
  title: string;
  /** Which job, as the graph takes it. */
  job: unknown;
  ask: Ask;
  /** Is more of the log to come? */
  grows: boolean;
}

interface Found {
  pattern: string;
  isRegex: boolean;
  matches: Match[];
  at: number;
  isAll: boolean;
}

export function LogSearch({ title, job, ask, grows }: Props) {
  const [pattern, setPattern] = useState("");
  const [isRegex, setRegex] = useState(false);
  const [found, setFound] = useState<Found | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const asking = useRef<AbortController | null>(null);
  const name = useId();
  const match = found?.matches[found.at];

  useEffect(() => () => asking.current?.abort(), []);

  /** Matches from a position on; null where there are none to be had. */
  async function read(from: number | string): Promise<Match[] | null> {
    asking.current?.abort();
    const { signal } = (asking.current = new AbortController());
    setFault(null);
    try {
      return await search(ask, { job, pattern, regex: isRegex, from }, signal);
    } catch (thrown) {
      if (!signal.aborted) setFault(thrown instanceof Error ? thrown.message : String(thrown));
      return null;
    }
  }

  async function go(step: 1 | -1) {
    if (!pattern) return;
    if (found === null || found.pattern !== pattern || found.isRegex !== isRegex) {
      const matches = await read(0);
      if (matches === null) return setFound(null);
      setFound({ pattern, isRegex, matches, at: 0, isAll: matches.length < AT_ONCE });
      return;
    }
    const { matches } = found;
    const last = matches.at(-1);
    if (step === 1 && found.at === matches.length - 1 && last && (grows || !found.isAll)) {
      const more = await read(last.endByte);
      if (more === null) return;
      const all = [...matches, ...more];
      const at = more.length ? matches.length : 0;
      return setFound({ ...found, matches: all, at, isAll: more.length < AT_ONCE });
    }
    const count = Math.max(matches.length, 1);
    setFound({ ...found, at: (found.at + step + count) % count });
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    void go(1);
  }

  function pressed(event: KeyboardEvent) {
    if (event.key === "Enter" && event.shiftKey) {
      event.preventDefault();
      void go(-1);
    } else if (event.key === "Escape") {
      asking.current?.abort();
      setPattern("");
      setFound(null);
      setFault(null);
    }
  }

  return (
    <>
      <form className="log-search" role="search" aria-label={`Find in the log of ${title}`} onSubmit={submit}>
        <input
          type="search"
          value={pattern}
          maxLength={1000}
          placeholder="Find in the whole log"
          aria-label="Find"
          aria-describedby={name}
          onChange={(event) => setPattern(event.target.value)}
          onKeyDown={pressed}
        />
        <label title="A regular expression of RE2, such as (?i)error|fail">
          <input type="checkbox" checked={isRegex} onChange={(event) => setRegex(event.target.checked)} />
          Regex
        </label>
        <button type="button" disabled={!match} onClick={() => go(-1)} title="Shift+Enter">
          Previous
        </button>
        <button type="submit" disabled={!pattern} title="Enter">
          Next
        </button>
        <output id={name}>{fault ?? told(found)}</output>
      </form>
      {found && match && <Line match={match} pattern={found.isRegex ? null : found.pattern} />}
    </>
  );
}

function told(found: Found | null): string {
  if (found === null) return "";
  if (!found.matches.length) return "No line has it";
  const count = `${found.matches.length}${found.isAll ? "" : " or more"}`;
  return `${found.at + 1} of ${count}, line ${found.matches[found.at]!.line.toLocaleString("en")}`;
}

/** A line that was found, between those around it. */
function Line({ match: { line, text, before, after }, pattern }: { match: Match; pattern: string | null }) {
  const parts = pattern === null ? ["", text] : cut(text, pattern);
  return (
    <pre className="log-match" role="group" aria-label={`Line ${line}`} tabIndex={0}>
      {before.map((one) => `${one}\n`)}
      <b>{parts.map((part, index) => (index % 2 ? <mark key={index}>{part}</mark> : part))}</b>
      {after.map((one) => `\n${one}`)}
    </pre>
  );
}
