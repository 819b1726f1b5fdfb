import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ask, seen, serve } from '../checks/ask.ts';
import { check, passed, teach } from '../checks/check.ts';

interface Mount {
  prefix: string;
  app: RequestListener;
}

const table = [named('', 'page'), named('/shop', 'shop'), named('/shop/orders', 'orders')];

/** Each path, and who should say what of it. */
const paths: [path: string, says: string][] = [
  ['/shop/orders/7', 'orders sees /7'],
  ['/shop/orders?open', 'orders sees /?open'],
  ['/shop/apples', 'shop sees /apples'],
  ['/shop/ordersheet', 'shop sees /ordersheet'],
  ['/shop', 'shop sees /'],
  ['/shopping', 'page sees /shopping'],
  ['/', 'page sees /'],
];

await check(async subject => {
  const mountAll = await subject.load<(mounts: Mount[]) => RequestListener>('mountAll');

  for (const mounts of orders(table)) {
    const order = mounts.map(({ prefix }) => prefix || '/').join(', ');
    const given = [...mounts];
    const origin = await serve(mountAll(given));
    for (const [path, says] of paths) {
      const answer = await ask(origin, path);
      if (answer.body.trim() === says) continue;
      teach({
        did: `${answer.did} with the mounts in the order ${order}`,
        seen: `the client got ${seen(answer)}, and not “${says}”.`,
        so: answer.body.startsWith(says.replace(/\/.*/, ''))
          ? 'the right app was reached, and sees another path than the one below its prefix.'
          : 'a mount that fits less closely came before the one that fits best.',
        look: 'at how the mount is chosen: of all that fit, it is the one with the longest prefix.',
      });
    }
    if (mounts.some((mount, i) => mount !== given[i]))
      teach({
        did: `mountAll with the mounts in the order ${order}`,
        seen: 'afterwards the list that was handed in was in another order.',
        so: 'it belongs to who called, who may still read it: what order the mounts were given in, say.',
        look: 'at sort: it changes the list it is called on. Call it on a copy: [...mounts].',
      });
    passed(`in the order ${order}: all ${paths.length} paths reach their app`);
  }

  const alone = await serve(mountAll(table.slice(1, 2)));
  const nobody = await ask(alone, '/hello');
  if (nobody.status !== 404)
    teach({
      did: 'GET /hello with a mount at /shop alone',
      seen: `the client got ${seen(nobody)}.`,
      so: 'no mount fits, so nothing answers: 404.',
      look: 'at what happens where no mount was found.',
    });
  passed('a path that no mount fits is answered with 404');
});

function named(prefix: string, name: string): Mount {
  const app = (req: IncomingMessage, res: ServerResponse) => res.end(`${name} sees ${req.url}\n`);
  return { prefix, app };
}

/** Every order of a list. */
function orders<T>(list: T[]): T[][] {
  if (list.length < 2) return [list];
  return list.flatMap((first, i) => orders(list.toSpliced(i, 1)).map(rest => [first, ...rest]));
}
