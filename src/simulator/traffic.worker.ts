import { parentPort, workerData } from 'node:worker_threads';
import { partitionOf } from '../transport/core/partitioner.js';
import { AnswerKey } from './core/answer-key.js';
import { buffersOf } from './core/packed-events.js';
import { TrafficSource } from './core/traffic-source.js';
import { Traffic } from './core/traffic.js';
import type { FeedOptions, FeedReply, FeedRequest } from './traffic-feed.js';

/** Batches generated ahead of those that are in the log: one on its way, one to follow, two to be made meanwhile. */
const AHEAD = 4;

const port = parentPort;
if (!port) throw new Error('This is the code of a thread');

const { traffic, rules, newest, startedAt, paced, recover } = workerData as FeedOptions;
const key = new AnswerKey(rules, newest, startedAt, paced);
// Simulated events lie where those of real producers with the same key would.
const source = new TrafficSource(new Traffic(traffic), key, (eventKey) =>
  partitionOf(Buffer.from(eventKey), newest.length),
);

function reply(message: FeedReply, transferred: ArrayBuffer[] = []): void {
  port?.postMessage(message, transferred);
}

function generate(): void {
  const events = source.next();
  reply({ kind: 'events', events }, buffersOf(events));
}

port.on('message', (request: FeedRequest) => {
  switch (request.kind) {
    case 'more':
      generate();
      break;
    case 'sent':
      source.sent(request.count);
      break;
    case 'answer':
      reply({ kind: 'answer', answer: source.answer() });
  }
});
if (recover) reply({ kind: 'recovered', recovered: source.recover(recover) });
else for (let batch = 0; batch < AHEAD; batch++) generate();
