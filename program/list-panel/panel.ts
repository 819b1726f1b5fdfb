/** The shopping list beside the x-ray: this server's own, which apps/ knows nothing of. */
import type { Panel } from '../../apps/xray/panel.ts';
import type { MoreSources } from '../../apps/xray/sources.ts';
import type { Store } from '../../store.ts';

export function listPanel(store: Store): Panel {
  return {
    script: new URL('panel.js', import.meta.url),
    state: async () => store.list(),
    onChange: changed => store.onChange(changed),
  };
}

const items = new URL('../../items.ts', import.meta.url);

/** The lines that answer the list's routes. */
export const listSources: MoreSources = {
  'GET /items/': [items, 'export function listItems'],
  'POST /items/': [items, 'export function addItem'],
  'GET /items/:id': [items, 'export function getItem'],
  'PATCH /items/:id': [items, 'export function updateItem'],
  'DELETE /items/:id': [items, 'export function removeItem'],
};
