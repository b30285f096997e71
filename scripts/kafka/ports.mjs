// @ts-check
import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';

export const HOST = '127.0.0.1';

/**
 * A free port below the ephemeral range (from 32768 on Linux, 49152 on macOS), unlike what `listen(0)` gives.
 * While a broker is down, a client that retries its port from an ephemeral one may connect to itself, and
 * then the broker cannot bind again.
 * @param {{ except?: readonly (number | undefined)[] }} [options]
 * @returns {Promise<number>}
 */
export async function pickFreePort({ except = [] } = {}) {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    const port = randomInt(20_000, 32_000);
    if (!except.includes(port) && (await isPortFree(port))) return port;
  }
  throw new Error(`no free port found on ${HOST}`);
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function isPortFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}

/**
 * Asks the broker which API versions it speaks, as every client does first. A broker accepts no request
 * before it has joined the cluster, so an answer means that topics can be created and read.
 * @param {number} port
 * @param {number} [timeoutMs]
 * @returns {Promise<boolean>} false for every kind of failure: refused, silent, closed, not Kafka
 */
export function answersApiVersions(port, timeoutMs = 1_000) {
  // int32 size, int16 api key 18, int16 version 0, int32 correlation id, nullable string client id (-1 =
  // null)
  const correlationId = randomInt(1, 2 ** 31);
  const request = Buffer.alloc(14);
  request.writeInt32BE(10, 0);
  request.writeInt16BE(18, 4);
  request.writeInt16BE(0, 6);
  request.writeInt32BE(correlationId, 8);
  request.writeInt16BE(-1, 12);

  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    let answer = Buffer.alloc(0);
    /** @param {boolean} result */
    const settle = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => settle(false));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
    socket.once('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      // int32 size, int32 correlation id, int16 error code, then the list of APIs
      if (answer.length >= 10) settle(answer.readInt32BE(4) === correlationId && answer.readInt16BE(8) === 0);
    });
  });
}
