// The log of a job that goes on, as the gateway tells it.

import { useEffect, useReducer } from "react";
import { useClient, type CombinedError } from "urql";

import { jobRef, type Place } from "./address.ts";
import { LogGoesOn } from "./operations.ts";
import { joined, type Piece } from "./pieces.ts";

interface Told {
  pieces: Piece[];
  /** What the last event had instead of a piece. */
  error?: CombinedError;
}

/**
 * What the chosen job's log gets from a position on. Each event makes a state of its own, so that each
 * is shown when it comes. (urql's handlers of subscriptions are run when React pleases, at times in the
 * midst of a rendering: what they write elsewhere may be shown with the next event only.)
 */
export function useLog({ project, job }: Place, fromByte: number, { pause }: { pause: boolean }): Told {
  const client = useClient();
  const [told, tell] = useReducer(withEvent, { pieces: [] });
  useEffect(() => {
    if (pause) return;
    const variables = { job: jobRef({ project, job }), fromByte };
    const subscribed = client.subscription(LogGoesOn, variables).subscribe(({ data, error }) => tell({ piece: data?.jobLog, error }));
    return subscribed.unsubscribe;
  }, [client, project, job, fromByte, pause]);
  return told;
}

function withEvent({ pieces }: Told, { piece, error }: { piece?: Piece | null; error?: CombinedError }): Told {
  return { pieces: piece ? joined(pieces, piece) : pieces, error };
}
