/** What a server puts beside the requests: something of its own, which the x-ray knows nothing of. */
import { type createViewers, eventOf, type Viewer } from './viewers.ts';

/** What stands beside the requests: a module of the server's own, and what it is told. */
export interface Panel {
  /** Exports `mount(element, page)`, which returns what takes each `state`. */
  script: URL;
  state(): Promise<unknown>;
  /** Calls back when `state` has changed; returns how to stop that. */
  onChange(changed: () => void): () => void;
}

/** Tells pages the panel's state: when they come, and when it has changed. */
export function panelTeller(panel: Panel, viewers: ReturnType<typeof createViewers>) {
  let hasChanged = false;
  let fails = false; // told already
  let stopListening: (() => void) | undefined;

  async function tell(to?: Viewer[]): Promise<void> {
    const state = await panel.state();
    fails = false;
    viewers.send(eventOf('panel', state), to);
  }

  /** With the next flush: a page that looks on stays, and shows what it has. */
  function tryAgain(error: unknown): void {
    hasChanged = true;
    if (!fails)
      console.error('The page can’t be told what its panel shows. It is tried again:', error);
    fails = true;
  }

  return {
    /** While somebody looks on. */
    listen(): void {
      stopListening ??= panel.onChange(() => (hasChanged = true));
    },
    stop(): void {
      stopListening?.();
      stopListening = undefined;
    },
    now: (to: Viewer[]): Promise<void> => tell(to).catch(tryAgain),
    changed(): void {
      if (!hasChanged) return;
      hasChanged = false;
      tell().catch(tryAgain);
    },
  };
}
