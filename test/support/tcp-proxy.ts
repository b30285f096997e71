import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Passes connections on to a server, counts what comes back, and drops them. */
export class TcpProxy {
  /** Bytes that came back from the server. */
  received = 0;
  private readonly clients = new Set<Socket>();
  private dropsAt = Infinity;

  private constructor(
    private readonly server: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {
    server.on('connection', (client) => {
      this.pass(client);
    });
  }

  /** @param target `host:port` */
  static async start(target: string): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { hostname, port } = new URL(`tcp://${target}`);
    return new TcpProxy(server, { host: hostname, port: Number(port) });
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  /** Connections that are open. */
  get open(): number {
    return this.clients.size;
  }

  /** Ends all connections. */
  drop(): void {
    for (const client of this.clients) client.destroy();
  }

  /** Ends all connections in the middle of an answer, when so many more bytes have come. */
  dropAfter(bytes: number): void {
    this.dropsAt = this.received + bytes;
  }

  async stop(): Promise<void> {
    this.drop();
    this.server.close();
    await once(this.server, 'close');
  }

  private pass(client: Socket): void {
    const server = connect(this.target);
    this.clients.add(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
    client.on('close', () => this.clients.delete(client));
    client.pipe(server);
    server.on('data', (chunk: Buffer) => {
      const wanted = chunk.subarray(0, Math.max(0, this.dropsAt - this.received));
      this.received += wanted.length;
      client.write(wanted);
      if (this.received < this.dropsAt) return;
      this.dropsAt = Infinity;
      // What was written goes out first.
      for (const each of this.clients) each.destroySoon();
    });
  }
}
