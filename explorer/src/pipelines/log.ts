// The log of a job that goes on, as the gateway tells it.

import { useEffect, useReducer } from "react";
import { useClient, type CombinedError } from "urql";

import { jobRef, type Place } from "./address.ts";
import { LogGoesOn } from "./operations.ts";
import { joined, type Piece } from "./pieces.ts";

interface Told {
  pieces: Piece[];
  /** Why there is nothing new. */
  error?: CombinedError;
  /** Is nothing more to come? */
  isOver?: boolean;
}

interface Event {
  piece?: Piece | null;
  error?: CombinedError;
  isOver?: boolean;
}

/**
 * What the chosen job's log gets from a position on. Each event makes a state of its own, so that each
 * is shown when it comes. (urql's handlers of subscriptions are run when React pleases, at times in the
 * midst of a rendering: what they write elsewhere may be shown with the next event only.) `heard` is
 * what was told of the job last: after that, a log that could not be read and is quiet is in order.
 */
export function useLog(
  { project, job }: Place,
  fromByte: number,
  { pause, heard }: { pause: boolean; heard: unknown },
): Told {
  const client = useClient();
  const [told, tell] = useReducer(withEvent, { pieces: [] });
  useEffect(() => {
    if (pause) return;
    const variables = { job: jobRef({ project, job }), fromByte };
    const { unsubscribe } = client
      .subscription(LogGoesOn, variables)
      .subscribe(({ data, error, hasNext }) => tell({ piece: data?.jobLog, error, isOver: !hasNext }));
    return unsubscribe;
  }, [client, project, job, fromByte, pause]);
  useEffect(() => tell({}), [heard]);
  return told;
}

function withEvent(told: Told, { piece, error, isOver }: Event): Told {
  if (told.isOver) return told;
  return { pieces: piece ? joined(told.pieces, piece) : told.pieces, error, isOver };
}
