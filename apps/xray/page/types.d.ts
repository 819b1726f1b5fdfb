/** What the page's modules share. */
import type { Counts, MountTree, Stuck, WireStep } from '../wire-step.ts';

export type Step<Kind extends WireStep['kind']> = WireStep & { kind: Kind };
/** `times`: in a saved trace, how many like it came in a row. */
export type Request = Step<'request'> & { times?: number };
export type Frame = Step<'frame'> & { times?: number };

/** A call and its answer: who asked, who answered, and on which connection. */
export interface Join {
  session: string;
  id: string | number;
  from?: Exchange;
  call?: Step<'message'>;
  to?: Exchange;
  frame?: Frame;
}

/** One request, as far as it has come. */
export interface Exchange {
  id: number;
  request: Request;
  /** All but its frames. */
  steps: WireStep[];
  /** Sent back on its own connection. */
  frames: Frame[];
  calls: Join[];
  /** Prefixes that came off, from the outside in, and what was left. */
  prefixes: string[];
  rest?: string;
  rootPath: string;
  route?: string;
  session?: string;
  isStream: boolean;
  /** Where a proxy passed it on: what the upstream said. */
  relayed?: Step<'relayed'>;
  /** What in the answer leads past the proxy. */
  bypassed: string[];
  refused?: { by: string; status: number; detail: string; at: string };
  answered?: Step<'answered'> | { unseen: true; n: number };
  /** Of equal requests in a row the first is shown, and how many there were. */
  times: number;
  dropped: number;
  lastN: number;
  place?: MountTree;
}

/** What the server said unasked: a row of its own. */
export interface Told {
  stream: Exchange;
  frame: Frame;
}

export interface Session {
  id: string;
  hue: number;
  transport?: string;
  client?: string;
  isClosed?: boolean;
  stuck?: Stuck;
}

export type Row = { key: string; order: number; exchange: Exchange; told?: Frame };

export interface Trace {
  run?: string;
  tree?: MountTree;
  sources?: Record<string, { file: string; line: number; text: string }>;
  exchanges: Map<number, Exchange>;
  /** Oldest first. */
  rows: Map<string, Row>;
  sessions: Map<string, Session>;
  calls: Map<string, Join>;
  sessionsSeen: number;
  skipped: Record<string, number>;
  counts: Counts;
  closed: { kind: 'closed'; n: number; session: string }[];
}

/** What a click on a step shows, and how the step itself reads. */
export interface Shown {
  what: string;
  value: string;
  spoken?: string;
  tell: string;
  data?: string;
  sources: string[];
  kind?: 'cut' | 'stopped' | 'ghost';
}

/** What a trace file holds. */
export interface Saved {
  format: string;
  tree: MountTree;
  sources?: Trace['sources'];
  skipped: Record<string, number>;
  counts: Counts;
  stuck: Stuck[];
  steps: (WireStep | { kind: 'closed'; n: number; session: string })[];
}
