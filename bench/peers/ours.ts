/** This server, as `npm start -- --no-xray --log off` serves it. */
import { shoppingList } from './list.ts';

await shoppingList({ xray: false });
