/** What the tables and the plot call each peer, in their order. */
export const titles: Record<string, string> = {
  floor: 'floor (no SDK)',
  least: 'SDK, least HTTP',
  ours: 'this server',
  xray: 'with its x-ray',
  sdk: 'node:http + SDK',
  express: 'Express + SDK',
};
