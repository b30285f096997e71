import { Agent, request } from 'node:http';

/**
 * Posts the bodies in turn, over connections that are kept open, each as soon as the answer before it is there. Requests
 * under way at the end are waited for: a load generator that breaks them off would not know what was
 * accepted.
 */
export async function post({ url, bodies, connections, seconds }) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const latencies = [];
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const until = startedAt + seconds * 1000;
  let next = 0;
  let events = 0;
  const connection = async () => {
    while (performance.now() < until) {
      const body = bodies[next++ % bodies.length];
      const sentAt = performance.now();
      await postOne(url, agent, body);
      latencies.push(performance.now() - sentAt);
      events += body.size;
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, connection));
  } finally {
    agent.destroy();
  }
  const took = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))];
  return {
    events,
    eventsPerSecond: events / took,
    requestsPerSecond: latencies.length / took,
    p50: at(0.5),
    p99: at(0.99),
    /** This process beside the service's, on the same machine. */
    loadCores: (user + system) / 1e6 / took,
  };
}

function postOne(url, agent, { type, size, bytes }) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type, 'content-length': bytes.length };
    const call = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString();
        if (response.statusCode === 202 && JSON.parse(answer).accepted === size) resolve();
        else reject(new Error(`POST /events: ${response.statusCode} ${answer}`));
      });
    });
    call.on('error', reject);
    call.end(bytes);
  });
}
