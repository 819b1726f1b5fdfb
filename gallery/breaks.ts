/** The breaks, in the order of what people meet. */
import type { Break } from './break.ts';
import { bodyReadFirst } from './breaks/body-read-first.ts';
import { catchAll } from './breaks/catch-all.ts';
import { closeNotPassedOn } from './breaks/close-not-passed-on.ts';
import { compressed } from './breaks/compressed.ts';
import { corsNotExposed } from './breaks/cors-not-exposed.ts';
import { endpointElsewhere } from './breaks/endpoint-elsewhere.ts';
import { endpointWithoutPrefix } from './breaks/endpoint-without-prefix.ts';
import { firstMatch } from './breaks/first-match.ts';
import { formatString } from './breaks/format-string.ts';
import { innerPathRepeats } from './breaks/inner-path-repeats.ts';
import { noCap } from './breaks/no-cap.ts';
import { noHostGuard } from './breaks/no-host-guard.ts';
import { oneLoopback } from './breaks/one-loopback.ts';
import { oneServer } from './breaks/one-server.ts';
import { openToTheNetwork } from './breaks/open-to-the-network.ts';
import { prefixAsText } from './breaks/prefix-as-text.ts';
import { prefixDoubled } from './breaks/prefix-doubled.ts';
import { registeredLate } from './breaks/registered-late.ts';
import { sharedOwner } from './breaks/shared-owner.ts';
import { silentStream } from './breaks/silent-stream.ts';
import { slashRedirect } from './breaks/slash-redirect.ts';
import { stopWaits } from './breaks/stop-waits.ts';
import { streamPerTab } from './breaks/stream-per-tab.ts';
import { strippedPrefix } from './breaks/stripped-prefix.ts';
import { tokenIsOwner } from './breaks/token-is-owner.ts';
import { twoReplicas } from './breaks/two-replicas.ts';
import { undefinedOption } from './breaks/undefined-option.ts';
import { unknownSession400 } from './breaks/unknown-session-400.ts';
import { wrongMethod404 } from './breaks/wrong-method-404.ts';

export const breaks: Break[] = [
  endpointWithoutPrefix,
  strippedPrefix,
  endpointElsewhere,
  slashRedirect,
  innerPathRepeats,
  prefixAsText,
  prefixDoubled,
  closeNotPassedOn,
  oneServer,
  registeredLate,
  noCap,
  silentStream,
  bodyReadFirst,
  stopWaits,
  unknownSession400,
  wrongMethod404,
  corsNotExposed,
  noHostGuard,
  openToTheNetwork,
  sharedOwner,
  tokenIsOwner,
  compressed,
  oneLoopback,
  streamPerTab,
  catchAll,
  firstMatch,
  formatString,
  twoReplicas,
  undefinedOption,
];
