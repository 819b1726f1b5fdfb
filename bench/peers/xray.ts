/** This server with the x-ray on, as `npm start` serves it but for the log: it keeps what passes. */
import { shoppingList } from './list.ts';

await shoppingList({ xray: true });
