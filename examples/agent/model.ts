/** What thinks for the agent. */
import { type Model, setDefaultOpenAIKey, setOpenAIAPI, setTracingDisabled } from '@openai/agents';
import { scriptedModel, type Turn } from './scripted.ts';

/**
 * To be spread into the agent's options. Without `--offline` they name no model, and the SDK takes
 * the one in OPENAI_DEFAULT_MODEL, or its own choice.
 *
 * @throws when there is nothing to think with
 */
export function modelFor(script: Turn[]): { model?: Model } {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: url } = process.env;
  if (process.argv.includes('--offline')) {
    setTracingDisabled(true); // the SDK would send a trace to OpenAI
    return { model: scriptedModel(script) };
  }
  if (url) useOwnEndpoint(key);
  else if (!key)
    throw new Error(
      'Say --offline for a scripted model, or set OPENAI_API_KEY, or OPENAI_BASE_URL and OPENAI_DEFAULT_MODEL for a model of your own.',
    );
  return {};
}

/** The SDK reads OPENAI_BASE_URL itself. What stands there mostly speaks the older of its two APIs. */
function useOwnEndpoint(key = 'none'): void {
  setOpenAIAPI('chat_completions'); // OpenAIChatCompletionsModel
  setDefaultOpenAIKey(key); // a local model asks for none, the SDK does
  setTracingDisabled(true);
}
