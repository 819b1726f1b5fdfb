/** As much of find-my-way as router.ts uses, so that types are checked without it installed. */
declare module 'find-my-way' {
  interface Router {
    on(method: 'GET', path: string, handler: () => void): void;
    find(method: 'GET', path: string): { params: Record<string, string> } | null;
  }
  export default function findMyWay(): Router;
}
