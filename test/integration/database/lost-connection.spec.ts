import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { DataSource } from 'typeorm';
import { parseConfig } from '../../../src/config/config.js';
import { dataSourceOptions } from '../../../src/database/data-source.js';

/** A message of PostgreSQL's protocol: its type, its length with these four bytes, its content. */
function message(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(content.length + 4);
  return Buffer.concat([Buffer.from(type), length, content]);
}

/** What a server that is being stopped may send in one packet: come in, and goodbye. */
const GOODBYE = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('Z', Buffer.from('I')),
  message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')),
]);

describe('a connection that PostgreSQL ends in the moment in which it is made', () => {
  let server: Server;

  beforeEach(async () => {
    server = createServer((socket) => socket.once('data', () => socket.end(GOODBYE)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.close();
  });

  it('fails whoever wanted it, and not the process', async () => {
    const url = `postgresql://user@127.0.0.1:${(server.address() as AddressInfo).port}/database`;
    const database = new DataSource(dataSourceOptions(parseConfig({}), url));
    await expect(database.initialize()).rejects.toThrow();
  });
});
