// @ts-check
import { connect } from 'node:net';

const CLIENT_ID = 'chaos-oracle';
const NO_ANSWER_MS = 30_000;
const MOST_RESPONSE_BYTES = 256 * 1024 * 1024;

/** Builds a request of Kafka's protocol, in its forms before the flexible ones. */
export class Writer {
  /** @type {Buffer[]} */
  #parts = [];

  /** @param {number} value */
  int8(value) {
    return this.#add(1, (bytes) => bytes.writeInt8(value));
  }

  /** @param {number} value */
  int16(value) {
    return this.#add(2, (bytes) => bytes.writeInt16BE(value));
  }

  /** @param {number} value */
  int32(value) {
    return this.#add(4, (bytes) => bytes.writeInt32BE(value));
  }

  /** @param {number} value */
  int64(value) {
    return this.#add(8, (bytes) => bytes.writeBigInt64BE(BigInt(value)));
  }

  /** @param {Buffer} bytes */
  blob(bytes) {
    this.int32(bytes.length).#parts.push(bytes);
    return this;
  }

  /** @param {string} text */
  string(text) {
    const bytes = Buffer.from(text);
    this.int16(bytes.length).#parts.push(bytes);
    return this;
  }

  /**
   * @template T
   * @param {readonly T[]} items
   * @param {(writer: this, item: T) => unknown} write
   */
  array(items, write) {
    this.int32(items.length);
    for (const item of items) write(this, item);
    return this;
  }

  bytes() {
    return Buffer.concat(this.#parts);
  }

  /** @param {number} size @param {(bytes: Buffer) => unknown} write */
  #add(size, write) {
    const bytes = Buffer.alloc(size);
    write(bytes);
    this.#parts.push(bytes);
    return this;
  }
}

/** Reads a response of Kafka's protocol. */
export class Reader {
  #bytes;
  #at = 0;

  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.#bytes = bytes;
  }

  int8() {
    return this.#bytes.readInt8(this.#move(1));
  }

  int16() {
    return this.#bytes.readInt16BE(this.#move(2));
  }

  int32() {
    return this.#bytes.readInt32BE(this.#move(4));
  }

  /** Exact below 2^53, which no offset of a test comes near. */
  int64() {
    return Number(this.#bytes.readBigInt64BE(this.#move(8)));
  }

  string() {
    const length = this.int16();
    return length < 0 ? null : this.#take(length).toString();
  }

  /** A view, no copy. */
  blob() {
    const length = this.int32();
    return length < 0 ? Buffer.alloc(0) : this.#take(length);
  }

  /**
   * @template T
   * @param {(reader: this) => T} read
   * @returns {T[]}
   */
  array(read) {
    return Array.from({ length: Math.max(0, this.int32()) }, () => read(this));
  }

  /** @param {number} length */
  #take(length) {
    const at = this.#move(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** @param {number} size */
  #move(size) {
    const at = this.#at;
    this.#at += size;
    return at;
  }
}

/** A connection to one broker, for one request at a time. */
export class Connection {
  #socket;
  /** @type {Buffer[]} */
  #chunks = [];
  #received = 0;
  /** @type {{ resolve: (response: Buffer) => void, reject: (error: Error) => void } | null} */
  #waiting = null;
  #correlation = 0;

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the broker has closed the connection')));
    socket.setTimeout(NO_ANSWER_MS, () => this.#fail(new Error('the broker does not answer')));
  }

  /**
   * @param {string} address `host:port`
   * @returns {Promise<Connection>}
   */
  static open(address) {
    const [host, port] = address.split(':');
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port: Number(port) });
      socket.once('error', reject).once('connect', () => resolve(new Connection(socket)));
    });
  }

  /**
   * @param {number} api
   * @param {number} version
   * @param {Writer} body
   * @returns {Promise<Reader>}
   */
  async request(api, version, body) {
    // One that has ended while nothing was asked tells nobody.
    if (this.#socket.destroyed) throw new Error('the connection has ended');
    const header = new Writer()
      .int16(api)
      .int16(version)
      .int32(++this.#correlation)
      .string(CLIENT_ID)
      .bytes();
    const request = Buffer.concat([header, body.bytes()]);
    /** @type {Promise<Buffer>} */
    const response = new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
    this.#socket.write(Buffer.concat([new Writer().int32(request.length).bytes(), request]));
    const reader = new Reader(await response);
    if (reader.int32() !== this.#correlation) throw new Error('the broker has answered another request');
    return reader;
  }

  close() {
    this.#socket.destroy();
  }

  /** @param {Buffer} chunk */
  #take(chunk) {
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    if (this.#received < 4) return;
    const [first = chunk] = this.#chunks;
    // Joined once, not for each chunk: an answer has megabytes.
    const size = (first.length < 4 ? Buffer.concat(this.#chunks) : first).readInt32BE(0);
    if (size > MOST_RESPONSE_BYTES) return this.#fail(new Error(`a response of ${size} bytes`));
    if (this.#received < 4 + size) return;
    const response = Buffer.concat(this.#chunks).subarray(4, 4 + size);
    this.#chunks = [];
    this.#received = 0;
    this.#waiting?.resolve(response);
    this.#waiting = null;
  }

  /** @param {Error} error */
  #fail(error) {
    this.#socket.destroy();
    this.#waiting?.reject(error);
    this.#waiting = null;
  }
}
