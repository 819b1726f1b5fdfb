/**
 * The server the official conformance suite asks for: one tool, resource or prompt a scenario,
 * under the name and in the shape it looks for. It stands below a prefix of our own router, so
 * that each of them passes through the mount.
 */
import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { mcpApp } from '../../apps/mcp/app.ts';
import { hostGuard } from '../../guard.ts';
import type { Running } from '../../http/listen.ts';
import { loopbacks } from '../../program/options.ts';
import { createRouter } from '../../router.ts';
import { listen } from '../held.ts';
import { addTools, embedded, image, png } from './everything-tools.ts';

export const prefix = '/deep/mcp';

/** Serves it as a list is served: guarded, on both loopbacks, on a free port. */
export function serveEverything(): Promise<Running> {
  const router = createRouter().mount(prefix, mcpApp(everythingServer));
  return listen(hostGuard(router), loopbacks, 0);
}

/** A server for one session, not yet connected. */
export function everythingServer(): McpServer {
  const server = new McpServer(
    { name: 'everything', version: '0.1.0' },
    { capabilities: { logging: {}, resources: { subscribe: true } } },
  );
  addTools(server);
  addResources(server);
  addPrompts(server);
  return server;
}

function addResources(server: McpServer): void {
  const plain = { mimeType: 'text/plain' };
  server.registerResource('text', 'test://static-text', plain, ({ href: uri }) => ({
    contents: [{ uri, ...plain, text: 'Text that never changes' }],
  }));
  server.registerResource('watched', 'test://watched-resource', plain, ({ href: uri }) => ({
    contents: [{ uri, ...plain, text: 'Text that can be subscribed to' }],
  }));
  const pixel = { mimeType: 'image/png' };
  server.registerResource('binary', 'test://static-binary', pixel, ({ href: uri }) => ({
    contents: [{ uri, ...pixel, blob: png }],
  }));
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  const json = { mimeType: 'application/json' };
  server.registerResource('template', template, json, ({ href: uri }, { id }) => ({
    contents: [
      {
        uri,
        ...json,
        text: JSON.stringify({ id, templateTest: true }),
      },
    ],
  }));
  // No resource of this server changes, so there is never news to send.
  server.server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
}

const suggestions = ['test', 'testing', 'other'];

function addPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Takes nothing' }, () => ({
    messages: [user({ type: 'text', text: 'A prompt without arguments' })],
  }));
  const first = completable(z.string().describe('One with suggestions'), typed =>
    suggestions.filter(suggestion => suggestion.startsWith(typed)),
  );
  const argsSchema = { arg1: first, arg2: z.string().describe('One without') };
  const withArguments = { description: 'Takes arguments, one with suggestions', argsSchema };
  server.registerPrompt('test_prompt_with_arguments', withArguments, ({ arg1, arg2 }) => ({
    messages: [user({ type: 'text', text: `Two arguments: ${arg1} and ${arg2}` })],
  }));
  const withResource = {
    description: 'Embeds a resource',
    argsSchema: { resourceUri: z.string().describe('URI of the resource to embed') },
  };
  server.registerPrompt('test_prompt_with_embedded_resource', withResource, ({ resourceUri }) => ({
    messages: [
      user(embedded(resourceUri, 'text/plain', 'The text of a resource')),
      user({ type: 'text', text: 'What does it say?' }),
    ],
  }));
  server.registerPrompt('test_prompt_with_image', { description: 'Shows an image' }, () => ({
    messages: [user(image), user({ type: 'text', text: 'What does it show?' })],
  }));
}

function user<Content>(content: Content) {
  return { role: 'user' as const, content };
}
