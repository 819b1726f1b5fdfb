/**
 * The steps of a request in words: what each shows, what a click on it tells, and which source
 * lines did it. Pure.
 *
 * @import { WireStep } from '../wire-step.ts'
 * @import { Exchange, Frame, Shown, Step } from './types.d.ts'
 */
import { clock, duration } from './dom.js';
import { isMcp } from './trace.js';

/**
 * @param {Exchange} exchange
 * @param {WireStep} step
 * @returns {Shown[]}
 */
export function stepsOf(exchange, step) {
  switch (step.kind) {
    case 'matched':
      return matched(exchange, step);
    case 'refused':
      return [refusal(exchange, step), ...(ghosts[step.by] ?? [])];
    case 'opened':
      return [session(exchange, step)];
    case 'stream':
      return exchange.isStream ? [exchange.relayed ? streamThrough : stream] : [];
    case 'message':
      return [message(step)];
    case 'relayed':
      return [upstream(step)];
    case 'bypassed':
      return [bypass(step)];
    case 'answered':
      return exchange.refused?.status === step.status ? [] : [answer(exchange, step)];
    default:
      return []; // the request itself is the head of its card
  }
}

/** @param {Exchange} exchange @param {Step<'matched'>} step */
function matched(exchange, step) {
  const isFirst = exchange.steps.find(({ kind }) => kind === 'matched') === step;
  const shown = matches[step.by]?.(exchange, step, isFirst) ?? [];
  return isFirst ? [guard(exchange), ...shown] : shown;
}

/** @type {Record<string, (exchange: Exchange, step: Step<'matched'>, isFirst: boolean) => Shown[]>} */
const matches = {
  mount(exchange, step, isFirst) {
    const { target } = exchange.request;
    const tell = `${step.name} is the longest prefix that holds whole segments of ${pathOf(target)}.`;
    const found = router('a mount', tell);
    return isFirst ? [found, cut(target, step)] : [cut(target, step)];
  },
  route(exchange, step, isFirst) {
    const tell = `${step.name} answers this path. No mounted prefix holds it.`;
    return isFirst ? [router('a route', tell), handler(exchange, step)] : [handler(exchange, step)];
  },
  options: () => [
    {
      ...router('OPTIONS', 'The router answers OPTIONS itself, with the methods of this path.'),
      sources: ['options'],
    },
  ],
  refused(_exchange, { status, detail = '' }, isFirst) {
    /** @type {Shown} */
    const stop = { ...router(String(status), detail), kind: 'stopped' };
    return isFirst ? [stop, ghost('app')] : [{ ...stop, what: 'app' }, ghost('handler')];
  },
};

/** @param {string} value @param {string} tell @returns {Shown} */
function router(value, tell) {
  return { what: 'router', value, tell, sources: ['find'] };
}

/** @param {string} target @param {Step<'matched'>} step @returns {Shown} */
function cut(target, { name, rootPath, url }) {
  const tell =
    name === '/'
      ? `The app at '/' gets what nothing else takes, as it is: url '${url}'.`
      : `The prefix ${name} comes off. The app gets rootPath '${rootPath}' and url '${url}'; originalUrl stays '${target}'.`;
  const value = name === '/' ? 'nothing off' : 'prefix off';
  return { what: 'mount', value, kind: 'cut', tell, sources: ['mount', 'enter'] };
}

/** @param {Exchange} exchange @param {Step<'matched'>} step @returns {Shown} */
function handler(exchange, { name, rootPath, url }) {
  const inApp =
    rootPath !== '' || exchange.steps.some(step => step.kind === 'matched' && step.by === 'mount');
  const who = inApp ? `The app at ${rootPath || '/'}` : 'The handler';
  return {
    what: inApp ? 'app' : 'route',
    value: inApp ? 'its route' : 'handler',
    tell: `${who} sees ${url} and answers it with ${name}.`,
    sources: [...handlersOf(exchange, name), 'route'],
  };
}

/**
 * The MCP app's routes and the plain ones may have one name: the place tells them apart.
 * @param {Exchange} exchange
 * @param {string | undefined} name
 */
function handlersOf({ place }, name) {
  return name === undefined ? [] : [isMcp(place) ? `mcp ${name}` : name];
}

/** @param {Exchange} exchange @returns {Shown} */
function guard({ request: { headers } }) {
  const origin = headers.origin ? ` and the origin ${headers.origin}` : '';
  return {
    what: 'guard',
    value: '✓',
    spoken: 'let in',
    tell: `The guard lets the host ${headers.host}${origin} in. Nothing is routed before that.`,
    data: Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
    sources: ['hostGuard', 'request'],
  };
}

/** @param {Exchange} exchange @param {Step<'refused'>} step @returns {Shown} */
function refusal(exchange, { by, status, detail }) {
  const sources = by === 'handler' ? handlersOf(exchange, exchange.route) : [by, 'request'];
  const what = by === 'hostGuard' ? 'guard' : by;
  return { what, value: String(status), kind: 'stopped', tell: detail, sources };
}

/** Where a refused request would have come next. @param {string} what @returns {Shown} */
function ghost(what) {
  return { what, value: 'not reached', kind: 'ghost', tell: '', sources: [] };
}

/** @type {Record<string, Shown[]>} */
const ghosts = { hostGuard: [ghost('router')], bearer: [ghost('app')] };

/** @type {Record<string, string>} */
export const transportNames = { sse: 'SSE', streamable: 'Streamable HTTP' };

/** @param {Exchange} exchange @param {Step<'opened'>} step @returns {Shown} */
function session({ relayed }, { session, transport }) {
  const opens = `A session opens, over ${transportNames[transport] ?? transport}`;
  const how = relayed ? '' : ': one MCP server for it, one store behind them all';
  const tell = `${opens}${how}. Its id is shortened here.`;
  return { what: 'session', value: session, tell, sources: relayed ? [] : ['opened'] };
}

/** @type {Shown} */
const stream = {
  what: 'stream',
  value: 'stays open',
  tell: 'The response becomes an event stream and stays open. It pings, so that no proxy takes it for dead.',
  sources: ['stream'],
};

/** @type {Shown} */
const streamThrough = {
  what: 'stream',
  value: 'stays open',
  tell: 'The answer is an event stream and stays open. What comes on it is passed on as it comes.',
  sources: [],
};

/** @param {Step<'relayed'>} step @returns {Shown} */
function upstream({ upstream, status, ms, location }) {
  const took = duration(ms);
  const to = location === undefined ? '' : ` It redirects to ${location}.`;
  const tell = `${upstream} answered ${status} after ${took}.${to}`;
  const value = location === undefined ? took : `${took}, to ${location.slice(0, 60)}`;
  return { what: 'upstream', value, tell, sources: ['relayed'] };
}

/** @param {Step<'bypassed'>} step @returns {Shown} */
function bypass({ detail }) {
  return { what: 'proxy', value: 'bypassed', kind: 'stopped', tell: detail, sources: ['bypassed'] };
}

/** @param {Step<'message'>} step @returns {Shown} */
function message({ rpc, text }) {
  const id =
    rpc.id === undefined ? '' : ` It has the JSON-RPC id ${rpc.id}, and so will its answer.`;
  const tell = `A JSON-RPC message; the session's server gets it.${id || ' It is a notification: no answer is due.'}`;
  return {
    what: 'message',
    value: toolIn(text) ?? rpc.method ?? 'a result',
    tell,
    data: text,
    sources: ['message'],
  };
}

/** 'tools/call' alone says little: which tool? @param {string} text */
export function toolIn(text) {
  return /"method":"tools\/call","params":\{"name":"([\w.-]{1,40})"/.exec(text)?.[1];
}

/** @param {Exchange} exchange @param {Step<'answered'>} step @returns {Shown} */
function answer(exchange, { status, ms, bytes, whole }) {
  const size = bytes > 0 ? `, ${bytes} bytes on the connection` : '';
  const how = exchange.isStream
    ? `The stream closed after ${duration(ms)}`
    : `${status} after ${duration(ms)}`;
  const left = whole || exchange.isStream ? '' : ' The client went away before all was sent.';
  const receipt =
    status === 202 && exchange.calls.length > 0
      ? ' It is a receipt only: the answer comes on the stream of this session, which is another connection.'
      : '';
  return {
    what: exchange.isStream ? 'end' : 'answer',
    value: exchange.isStream ? 'closed' : String(status),
    ...(status >= 400 && { kind: 'stopped' }),
    tell: `${how}${size}.${left}${receipt}`,
    sources: exchange.route ? handlersOf(exchange, exchange.route) : ['find'],
  };
}

/** @param {Exchange} exchange @param {Frame} frame @returns {Shown} */
export function frameShown(exchange, { frame, rpc, at }) {
  const base = { what: 'frame', value: '', data: frame.trim() };
  /** @type {(tell: string, source: string) => Shown} */
  const told = (tell, source) => ({ ...base, tell: `${clock(at)}: ${tell}`, sources: [source] });
  if (frame.startsWith('event: endpoint'))
    return told(`the first frame names the place to post to${endpointWords(exchange)}`, 'endpoint');
  if (frame.startsWith(':'))
    return told('a comment, which readers skip. It keeps the connection alive.', 'stream');
  if (!rpc && exchange.relayed && !isEvent.test(frame))
    return told('the body of the answer.', 'relayed');
  if (!rpc) return told('an id without data: from here on the client can resume.', 'frame');
  if (rpc.method) return told('the server says this unasked.', 'frame');
  return told(`the answer to the call with the JSON-RPC id ${rpc.id}.`, 'frame');
}

/** @param {Exchange} exchange */
function endpointWords({ relayed, rootPath }) {
  return relayed ? ', as the upstream has it.' : `: rootPath '${rootPath}' and '/messages'.`;
}

const isEvent = /^(?:id|data|event|retry)\b/;

/** @param {string} target */
export function pathOf(target) {
  return target.split('?', 1)[0] ?? '';
}
