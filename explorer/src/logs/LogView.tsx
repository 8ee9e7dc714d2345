// Logs as a person reads them: colours, sections that fold, copy and download. Everything is put on
// the page as text, so nothing in a log can be a link, a picture or a script.

import "./log.css";

import { memo, useLayoutEffect, useMemo, useRef, useState, type CSSProperties, type ReactNode, type UIEvent } from "react";

import { saveAs } from "../sdl.ts";
import type { Look, Run } from "./ansi.ts";
import type { FoundLog } from "./find.ts";
import { LogSearch } from "./LogSearch.tsx";
import type { Ask } from "./search.ts";
import { parseLog, type Part, type Section } from "./sections.ts";

const MOST_CHARACTERS = 500_000;

export function LogView({ logs, ask }: { logs: FoundLog[]; ask: Ask }) {
  const view = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const length = logs.reduce((sum, log) => sum + (log.grows ? log.text.length : 0), 0);

  // The end of a log that grows stays in sight, unless the person has scrolled up.
  useLayoutEffect(() => {
    if (length && isAtEnd.current && view.current) view.current.scrollTop = view.current.scrollHeight;
  }, [length]);

  function noteScroll({ currentTarget: { scrollTop, scrollHeight, clientHeight } }: UIEvent) {
    isAtEnd.current = scrollTop + clientHeight > scrollHeight - 40;
  }

  return (
    <div className="log-view" role="region" aria-label="Logs" tabIndex={0} ref={view} onScroll={noteScroll}>
      {logs.map((log) => (
        <Log key={log.path.join("/")} log={log} ask={ask} />
      ))}
    </div>
  );
}

const Log = memo(function Log({ log, ask }: { log: FoundLog; ask: Ask }) {
  // Of a log that grows and is long, the end: each piece has it taken apart anew.
  const visible = log.grows ? endOf(log.text) : log.text;
  const parts = useMemo(() => parseLog(visible), [visible]);
  // Each press of the button makes all sections anew, folded or not.
  const [all, setAll] = useState<{ open: boolean | null; times: number }>({ open: null, times: 0 });
  const [isCopied, setCopied] = useState(false);
  const title = log.job ?? pathOf(log.path);
  const hasSections = parts.some((part) => part.kind === "section");

  async function copy() {
    await navigator.clipboard.writeText(log.text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  }

  return (
    <section className="log" aria-label={`Log of ${title}`}>
      <header>
        <h2>{title}</h2>
        {log.job !== null && <code title={pathOf(log.path)}>{pathOf(log.path)}</code>}
        <div className="log-commands">
          {hasSections && (
            <button type="button" onClick={() => setAll({ open: all.open !== true, times: all.times + 1 })}>
              {all.open === true ? "Fold all" : "Unfold all"}
            </button>
          )}
          <button type="button" onClick={copy}>{isCopied ? "Copied" : "Copy"}</button>
          <button type="button" onClick={() => saveAs(`${fileNameOf(title)}.log`, log.text)}>
            Download
          </button>
        </div>
        {log.ref !== null && <LogSearch title={title} job={log.ref} ask={ask} grows={log.grows === true} />}
      </header>
      {visible.length < log.text.length && (
        <p className="log-empty">The beginning is not shown; Copy and Download have it.</p>
      )}
      {log.text ? (
        <div className="log-text" key={all.times}>{shown(parts, all.open)}</div>
      ) : (
        <p className="log-empty">This piece of the log is empty.</p>
      )}
    </section>
  );
});

/** The last lines, so many characters at most. */
function endOf(text: string): string {
  if (text.length <= MOST_CHARACTERS) return text;
  const from = text.length - MOST_CHARACTERS;
  return text.slice(text.indexOf("\n", from) + 1 || from);
}

function shown(parts: Part[], open: boolean | null): ReactNode[] {
  return parts.map((part, index) =>
    part.kind === "section" ? (
      <Fold key={index} section={part} open={open} />
    ) : (
      <pre key={index}>{part.runs.map(styled)}</pre>
    ),
  );
}

/** The text of a log, its sections folded as they were written. */
export function LogText({ text }: { text: string }) {
  const parts = useMemo(() => parseLog(text), [text]);
  return <div className="log-text">{shown(parts, null)}</div>;
}

/** Folded at first, but for what a script of the job's own wrote and what has not ended. */
function Fold({ section, open }: { section: Section; open: boolean | null }) {
  const { name, title, parts, duration_s } = section;
  const isOpen = open ?? (duration_s === null || name.endsWith("script"));
  return (
    <details className="fold" open={isOpen}>
      <summary>
        <span className="fold-title">{title.length ? title.map(styled) : name.replaceAll("_", " ")}</span>
        {duration_s !== null && <span className="fold-duration">{lasting(duration_s)}</span>}
      </summary>
      {shown(parts, open)}
    </details>
  );
}

function styled({ text, look }: Run, index: number): ReactNode {
  const [classes, style] = clothes(look);
  if (!classes && !style) return text;
  return <span key={index} className={classes || undefined} style={style}>{text}</span>;
}

function clothes(look: Look): [string, CSSProperties | undefined] {
  const [front, back] = look.inverse
    ? [look.background ?? "base", look.color ?? "text"]
    : [look.color, look.background];
  const classes = [
    look.bold && "bold",
    look.dim && "dim",
    look.italic && "italic",
    look.underline && "underline",
    look.strike && "strike",
    front && !front.startsWith("#") && `front-${front}`,
    back && !back.startsWith("#") && `back-${back}`,
  ].filter(Boolean);
  const style: CSSProperties = {};
  if (front?.startsWith("#")) style.color = front;
  if (back?.startsWith("#")) style.backgroundColor = back;
  return [classes.join(" "), Object.keys(style).length ? style : undefined];
}

function lasting(seconds: number): string {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.round(seconds % 60)];
  return minutes ? `${minutes} min ${rest} s` : `${rest} s`;
}

function pathOf(path: (string | number)[]): string {
  return path.map((key) => (typeof key === "number" ? `[${key}]` : `.${key}`)).join("").slice(1);
}

function fileNameOf(title: string): string {
  return title.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^-+|-+$/g, "") || "job";
}
