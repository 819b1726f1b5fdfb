/** What the page is told, as JSON. Types alone, so that the page's own modules are checked by them. */

/** What joins a call to its answer: the JSON-RPC id, with the session it belongs to. */
export interface Rpc {
  id?: string | number;
  method?: string;
}

/** `exchange` numbers the request; `n` grows from step to step, so that one told twice counts once. */
export type WireStep = { n: number; exchange: number; at: number } & (
  | { kind: 'request'; method: string; target: string; headers: Record<string, string> }
  | ({ kind: 'matched' } & Taken)
  | { kind: 'refused'; by: string; status: number; detail: string }
  | { kind: 'opened'; session: string; transport: string }
  | { kind: 'stream'; session?: string }
  | { kind: 'message'; session: string; rpc: Rpc; text: string }
  | { kind: 'frame'; session?: string; rpc?: Rpc; frame: string }
  | { kind: 'relayed'; upstream: string; status: number; ms: number; location?: string }
  | { kind: 'bypassed'; detail: string }
  | { kind: 'answered'; status: number; ms: number; bytes: number; whole: boolean }
);

/** `rootPath` and `url` are the split that this router made. */
export interface Taken {
  by: 'mount' | 'route' | 'options' | 'refused';
  name: string;
  rootPath: string;
  url: string;
  status?: number;
  detail?: string;
}

export interface ClosedStep {
  kind: 'closed';
  n: number;
  session: string;
}

/** The mounts and routes of an app as a tree, to be drawn. */
export interface MountTree {
  /** Where it is mounted, seen from the outside; '' for the root. */
  rootPath: string;
  routes: { method: string; path: string }[];
  mounts: MountTree[];
}

/** How often each place of the tree was passed: `'/mcp'` a mount, `'/mcp POST /messages'` a route. */
export type Counts = Record<string, number>;

export interface Stuck {
  session: string;
  causes: string[];
}

/** The first event of the stream. */
export interface Hello {
  /** Whether requests are shown; `why` they are not. */
  xray: boolean;
  why?: string;
  /** Of the process: numbers start anew with it. */
  run: string;
  /** This process's name among several. */
  node?: string;
  tree: MountTree;
  counts: Counts;
  /** A tool that the page may call, since it changes nothing. */
  tool?: { name: string; arguments: Record<string, unknown> };
  proxied?: Proxied;
}

/** Where a proxy stands before a server whose requests are shown, and not before one of ours. */
export interface Proxied {
  /** Its origin. */
  upstream: string;
  /** Of its MCP server, there as here. */
  path: string;
}

export interface Batch {
  steps: (WireStep | ClosedStep)[];
  /** Requests that came too fast to be drawn, by method and path. They are in `counts`. */
  skipped: Record<string, number>;
  counts: Counts;
}
