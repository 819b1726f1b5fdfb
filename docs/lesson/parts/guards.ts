/** What chapter 6 wrote, put away: who may come in. */
import { type App, answer } from './mount.ts';

/** Lets in what was sent to this machine by its own name, and not by a page from elsewhere. */
export function fromHere(app: App): App {
  const here = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
  return (req, res) => {
    const { host = '', origin = host } = req.headers;
    const ours = here.test(host) && here.test(origin.replace(/^https?:\/\//, ''));
    return ours ? app(req, res) : answer(res, 403, { detail: 'The Host or Origin is foreign' });
  };
}

/** Lets in who has one of the tokens. */
export function withToken(app: App, tokens: Set<string>): App {
  return (req, res) => {
    const [, token = ''] = req.headers.authorization?.split('Bearer ') ?? [];
    if (tokens.has(token)) return app(req, res);
    res.setHeader('WWW-Authenticate', 'Bearer');
    return answer(res, 401, { detail: 'Send a token: Authorization: Bearer …' });
  };
}
