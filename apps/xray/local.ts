/**
 * Who may see what passes: the one who runs the server, on the machine it runs on. A request that
 * came through a proxy has a peer on this machine, too, whoever sent it.
 */
import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../../guard.ts';

const throughProxy =
  /^(?:forwarded|via|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip|cf-connecting-ip)$/;

/** Why requests are not shown to who asks; undefined when they are. */
export function whyNot({ socket, headers }: IncomingMessage): string | undefined {
  if (!isLoopbackAddress(socket.remoteAddress ?? ''))
    return 'The x-ray is shown to the machine that the server runs on.';
  if (!isLoopback(headers.host ?? ''))
    return 'The x-ray is shown under a loopback name: open it as localhost.';
  const proxied = Object.keys(headers).find(name => throughProxy.test(name));
  if (proxied === undefined) return undefined;
  return `The x-ray is not shown through a proxy, and this request came with ${proxied}.`;
}

function isLoopbackAddress(address: string): boolean {
  return /^(?:::ffff:)?127\.|^::1$/.test(address);
}
