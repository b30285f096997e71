import { promisify } from 'node:util';
import { gunzip, type ZlibOptions } from 'node:zlib';
import { decompress as decompressZstd } from 'fzstd';
import lz4 from 'lz4-napi';
import snappy from 'snappy';
import type { CompressionCodec } from '../core/stored-batches.js';

/** Header of the framing that the Java clients put around snappy blocks. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER = 16;

/** More than any batch of events comes to; gzip makes a thousand bytes of one. */
const MOST_BYTES = 256 * 1024 * 1024;
const inflate = promisify<Buffer, ZlibOptions, Buffer>(gunzip);

/** Every compression Kafka knows; all but zstd in threads of their own. */
export const decompress: Record<CompressionCodec, (body: Buffer) => Buffer | Promise<Buffer>> = {
  none: (body) => body,
  gzip: (body) => inflate(body, { maxOutputLength: MOST_BYTES }),
  snappy: uncompressSnappy,
  lz4: (body) => lz4.decompressFrame(body),
  zstd: (body) => Buffer.from(decompressZstd(body)),
};

async function uncompressSnappy(buffer: Buffer): Promise<Buffer> {
  if (!buffer.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC))
    return toBuffer(await snappy.uncompress(buffer));
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER; at < buffer.length;) {
    const size = buffer.readUInt32BE(at);
    const block = buffer.subarray(at + 4, at + 4 + size);
    blocks.push(toBuffer(await snappy.uncompress(block)));
    at += 4 + size;
  }
  return Buffer.concat(blocks);
}

const toBuffer = (value: string | Buffer): Buffer => (typeof value === 'string' ? Buffer.from(value) : value);
