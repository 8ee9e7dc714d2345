// Small things that are shown in many places.

import { useEffect, useState } from "react";

import type { Status } from "./gql/graphql.ts";

/** Statuses that are not left without an action. */
export const OVER: (Status | null)[] = ["SUCCESS", "FAILED", "CANCELED", "SKIPPED"];

const SIGNS: Partial<Record<Status, string>> = {
  SUCCESS: "✓",
  FAILED: "✕",
  RUNNING: "◐",
  PENDING: "⋯",
  CANCELED: "⊘",
  CANCELING: "⊘",
  SKIPPED: "»",
  MANUAL: "▷",
  SCHEDULED: "◷",
};

/** A status as a sign, in words for who cannot see it. */
export function State({ status, words = false }: { status: Status | null; words?: boolean }) {
  const told = (status ?? "UNKNOWN").toLowerCase().replaceAll("_", " ");
  return (
    <span className={`state ${told.replaceAll(" ", "-")}`} title={told}>
      <span aria-hidden="true">{SIGNS[status ?? "UNKNOWN"] ?? "○"}</span>{" "}
      <span className={words ? "" : "unseen"}>{told}</span>
    </span>
  );
}

function useNow(isMoving: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isMoving) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isMoving]);
  return now;
}

/** How long something ran, or has been running. */
export function Lasting({ of }: { of: { status: Status | null; startedAt: string | null; duration: number | null } }) {
  const isRunning = of.status === "RUNNING" && of.startedAt !== null;
  const now = useNow(isRunning);
  const seconds = isRunning ? Math.max(0, (now - Date.parse(of.startedAt!)) / 1000) : of.duration;
  return seconds === null ? null : <span className="quiet">{inWords(seconds)}</span>;
}

export function Ago({ time }: { time: string | null }) {
  const now = useNow(false);
  if (time === null) return null;
  return <time dateTime={time} title={new Date(time).toLocaleString()}>{inWords((now - Date.parse(time)) / 1000)} ago</time>;
}

function inWords(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d`;
}
