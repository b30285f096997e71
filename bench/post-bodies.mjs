import { EventGenerator } from '../dist/simulator/core/event-generator.js';

/** Different bodies, sent one after the other and then again. */
const BODIES = 50;

/** How a request holds its events: its content type, and the body. */
export const encodings = {
  json: { type: 'application/json', join: (events) => `[${events.join(',')}]` },
  ndjson: { type: 'application/x-ndjson', join: (events) => events.join('\n') },
};

/** Bodies of simulated events, the newest a second ago. */
export function requestBodies(encoding, size) {
  const { type, join } = encodings[encoding];
  const generator = new EventGenerator({ seed: 7 });
  const start = (Date.now() - 1_000) * 1_000 - BODIES * size;
  return Array.from({ length: BODIES }, (_, body) => {
    const events = Array.from({ length: size }, (_, at) =>
      generator.next(start + body * size + at).value.toString(),
    );
    return { type, size, bytes: Buffer.from(join(events)) };
  });
}
