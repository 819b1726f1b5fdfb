/** The shopping list beside the x-ray: this server's own, which apps/ knows nothing of. */
import type { Panel } from '../../apps/xray/panel.ts';
import type { Store } from '../../store.ts';

export function listPanel(store: Store): Panel {
  return {
    script: new URL('panel.js', import.meta.url),
    state: async () => store.list(),
    onChange: changed => store.onChange(changed),
  };
}
