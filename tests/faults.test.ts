/**
 * What once lost data, leaked, froze or grew, a row a fault with its reason: each was red on the
 * code it was found in. By room, so that a fault's siblings stand beside it.
 */
import './faults/http.ts';
import './faults/sessions.ts';
import './faults/store.ts';
import './faults/streams.ts';
