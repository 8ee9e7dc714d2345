// Answers of operations that were run, and what is known of each: one for every tab, the latest.

export interface Cost {
  estimated: number;
  calls: number;
  shared: number;
  cached: number;
  retried: number;
}

export interface GraphQLAnswer {
  data?: unknown;
  errors?: { message: string; extensions?: { code?: string } & Record<string, unknown> }[];
  extensions?: { cost?: Cost };
}

export interface Answered {
  query: string;
  operationName: string | null;
  variables: string;
  answer: GraphQLAnswer;
  /** HTTP status; 0 where no answer came. */
  status: number;
  duration_ms: number;
  requestId: string | null;
  /** Of a subscription: the data of each response so far; one list for the whole run. */
  events?: unknown[];
}

type Listener = () => void;

/** The latest answer of each tab, by the tab's id; kept in memory only. */
export class Answers {
  private readonly latest = new Map<string, Answered>();
  private readonly listeners = new Set<Listener>();

  of(tab: string): Answered | undefined {
    return this.latest.get(tab);
  }

  set(tab: string, answered: Answered | undefined): void {
    if (answered === undefined) this.latest.delete(tab);
    else this.latest.set(tab, answered);
    this.listeners.forEach((listener) => listener());
  }

  readonly subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}
