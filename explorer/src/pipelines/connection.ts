// The one connection of all subscriptions: opened with the first, and again after a break.

import { createContext, useContext, useSyncExternalStore } from "react";
import { GraphQLError } from "graphql";
import { createClient, type ExecutionResult, type SubscribePayload } from "graphql-ws";

interface Sink {
  next: (result: ExecutionResult) => void;
  error: (fault: unknown) => void;
  complete: () => void;
}

/** The gateway closes so where the upstream does not take the credential: asking again would not help. */
const REFUSED = 4403;
/** However long the gateway was away, it is found within so many seconds. */
const LONGEST_WAIT_S = 15;

export class Connection {
  isOpen = false;
  private readonly client;
  private readonly listeners = new Set<() => void>();

  constructor(address: string, headers: Record<string, string>) {
    this.client = createClient({
      url: address.replace(/^http/, "ws"),
      connectionParams: headers,
      retryAttempts: Infinity,
      shouldRetry: (fault) => codeOf(fault) !== REFUSED,
      retryWait: (retries) => waited(Math.min(2 ** retries, LONGEST_WAIT_S) * (0.5 + Math.random() / 2)),
      on: { connected: () => this.note(true), closed: () => this.note(false) },
    });
  }

  /** Follow a subscription over breaks; gives what leaves it. */
  follow(payload: SubscribePayload, sink: Sink): () => void {
    let isFirst = true;
    const next = (result: ExecutionResult) => {
      // urql takes errors to last until others come, but what comes after them is in order again.
      sink.next(isFirst ? result : { errors: [], ...result });
      isFirst = false;
    };
    const error = (fault: unknown) => {
      if (codeOf(fault) !== REFUSED) return sink.error(fault);
      const message = "the upstream does not accept the credential";
      next({ errors: [new GraphQLError(message, { extensions: { code: "UNAUTHENTICATED" } })] });
      sink.complete();
    };
    return this.client.subscribe(payload, { ...sink, next, error });
  }

  readonly subscribe = (tell: () => void): (() => void) => {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  };

  private note(isOpen: boolean): void {
    this.isOpen = isOpen;
    this.listeners.forEach((tell) => tell());
  }
}

function codeOf(fault: unknown): number | undefined {
  return (fault as Partial<CloseEvent> | undefined)?.code;
}

function waited(seconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, seconds * 1000));
}

export const ConnectionContext = createContext<Connection>(null!);

export function useIsOpen(): boolean {
  const connection = useContext(ConnectionContext);
  return useSyncExternalStore(connection.subscribe, () => connection.isOpen);
}
