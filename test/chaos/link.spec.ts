import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Link } from '../../chaos/link.mjs';
import { pickFreePort } from '../../scripts/kafka/ports.mjs';
import { waitFor } from '../support/service.js';

/** What a side of a connection has heard. */
interface Heard {
  readonly socket: Socket;
  text: string;
  ended: boolean;
  failed: boolean;
}

function listen(socket: Socket): Heard {
  const heard: Heard = { socket, text: '', ended: false, failed: false };
  socket.on('data', (chunk: Buffer) => (heard.text += chunk.toString()));
  socket.on('end', () => (heard.ended = true));
  socket.on('error', () => (heard.failed = true));
  return heard;
}

describe('a link', () => {
  let server: Server;
  let link: Link;
  let accepted: Heard[];
  let clients: Heard[];

  beforeEach(async () => {
    accepted = [];
    clients = [];
    server = createServer((socket) => accepted.push(listen(socket)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    link = await Link.open({ port: await pickFreePort(), target: (server.address() as AddressInfo).port });
  });
  afterEach(async () => {
    for (const { socket } of [...clients, ...accepted]) socket.destroy();
    await link.close();
    server.close();
  });

  async function join(): Promise<Heard> {
    const client = listen(connect(link.port, '127.0.0.1'));
    clients.push(client);
    await once(client.socket, 'connect');
    return client;
  }

  /** A connection through it that has been used both ways. */
  async function joined(): Promise<[client: Heard, far: Heard]> {
    const client = await join();
    client.socket.write('hello ');
    const far = await waitFor('the server to hear it', () =>
      accepted.find(({ text, failed }) => text === 'hello ' && !failed),
    );
    far.socket.write('welcome ');
    await waitFor('the client to hear it', () => client.text === 'welcome ');
    return [client, far];
  }

  /** Something that goes through a whole link takes less than this. */
  const silence = async (): Promise<void> => {
    const whole = await Link.open({ port: await pickFreePort(), target: link.target });
    const probe = connect(whole.port, '127.0.0.1');
    probe.write('probe');
    await waitFor('a probe by another link', () => accepted.some(({ text }) => text === 'probe'));
    probe.destroy();
    await whole.close();
  };

  it('brings what is said, and that one side is done', async () => {
    const [client, far] = await joined();
    client.socket.end('goodbye');
    await waitFor('the end', () => far.ended && client.ended);
    expect([client.text, far.text]).toEqual(['welcome ', 'hello goodbye']);
  });

  it('brings nothing while it is cut, and all of it afterwards', async () => {
    const [client, far] = await joined();
    link.cut();
    client.socket.write('are you there?');
    far.socket.write('are you?');
    await silence();
    expect([client.text, far.text]).toEqual(['welcome ', 'hello ']);
    link.mend();
    await waitFor('both', () => far.text === 'hello are you there?' && client.text === 'welcome are you?');
  });

  it('does not tell that one side has gone while it is cut', async () => {
    const [client, far] = await joined();
    link.cut();
    client.socket.end('COMMIT');
    await silence();
    expect(far).toMatchObject({ text: 'hello ', ended: false });
    link.mend();
    await waitFor('the last words', () => far.text === 'hello COMMIT' && far.ended);
  });

  it('does not tell that one side has failed while it is cut, and brings what that had said', async () => {
    const [client, far] = await joined();
    link.cut();
    client.socket.write('COMMIT');
    await silence();
    client.socket.resetAndDestroy();
    await silence();
    expect(far).toMatchObject({ text: 'hello ', ended: false, failed: false });
    link.mend();
    await waitFor('the failure', () => far.failed);
    expect(far.text).toBe('hello COMMIT');
  });

  it('brings much, and all of it in order, to one that is slow, over many cuts', async () => {
    const [client, far] = await joined();
    const sent = Array.from({ length: 500 }, (_, number) => `${number} `.repeat(2000));
    far.socket.pause();
    for (const text of sent) client.socket.write(text);
    const whole = `hello ${sent.join('')}`;
    for (let cut = 0; far.text.length < whole.length; cut++) {
      if (cut % 2 === 0) link.cut();
      else link.mend();
      far.socket.resume();
      await new Promise(setImmediate);
      far.socket.pause();
    }
    expect(far.text === whole).toBe(true);
  });

  it('closes while it is cut', async () => {
    const [client] = await joined();
    link.cut();
    client.socket.write('never');
    const waiting = await join();
    await link.close();
    await waitFor('both to notice', () => client.failed && waiting.failed);
  });

  it.each(['near', 'far'] as const)('is cut just before a text from the %s side', async (side) => {
    const [client, far] = await joined();
    const [from, to] = side === 'near' ? [client, far] : [far, client];
    link.cutAt('COMMIT', side);
    to.socket.write('COMMIT of the other side');
    await waitFor('what the other side says', () => from.text.endsWith('COMMIT of the other side'));
    from.socket.write('INSERT;');
    await waitFor('what is said before', () => to.text.endsWith('INSERT;'));
    from.socket.write('COMMIT;');
    await waitFor('it to be cut', () => link.isCut);
    from.socket.write('SELECT;');
    await silence();
    expect(to.text).toMatch(/INSERT;$/);
    link.mend();
    await waitFor('all of it', () => to.text.endsWith('INSERT;COMMIT;SELECT;'));
  });

  it('lets those in that came while it was cut once it is mended', async () => {
    link.cut();
    const client = await join();
    client.socket.write('late');
    await silence();
    expect(accepted.map(({ text }) => text)).toEqual(['probe']);
    link.mend();
    await waitFor('it to be heard', () => accepted.some(({ text }) => text === 'late'));
  });

  it('ends all connections at once, and takes new ones', async () => {
    const [client, far] = await joined();
    link.reset();
    await waitFor('both to fail', () => client.failed && far.failed);
    await joined();
  });
});
