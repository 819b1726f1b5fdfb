/** All that is looked at, in the order in which it is told. */
import type { Theme } from './probe.ts';
import { answers } from './probes/answers.ts';
import { bodies } from './probes/bodies.ts';
import { browsers } from './probes/browsers.ts';
import { guards } from './probes/guards.ts';
import { lifecycle } from './probes/lifecycle.ts';
import { mount } from './probes/mount.ts';
import { process } from './probes/process.ts';
import { sessions } from './probes/sessions.ts';
import { streams } from './probes/streams.ts';
import { tokens } from './probes/tokens.ts';

export const themes: Theme[] = [
  mount,
  sessions,
  lifecycle,
  answers,
  streams,
  guards,
  tokens,
  bodies,
  browsers,
  process,
];
