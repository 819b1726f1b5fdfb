/** The page: the list, live, and the x-ray of every request. One HTML file, sent as it is. */
import type { App } from '../../../http/app.ts';
import { htmlPage } from '../../../http/html.ts';

/** GET / */
export function page(): App {
  return htmlPage(new URL('index.html', import.meta.url));
}
