/** `mcp-mount/router`: the mount. Loads no other package. @module */
export type {
  About,
  AddRoute,
  App,
  Entry,
  Handler,
  Match,
  Mount,
  Params,
  Refused,
  Route,
  Router,
} from '../http/app.ts';
export { answered, matched, type RequestEvent } from '../http/channels.ts';
export { type Problem, type ProblemEvent, problemSent, sendProblem } from '../http/problem.ts';
export {
  createRouter,
  RegistrationError,
  type RouterOptions,
  rootPath,
  stripPrefix,
} from '../router.ts';
