import { decompress as decompressZstd } from 'fzstd';
import kafkajs from 'kafkajs';
import lz4 from 'lz4-napi';
import snappy from 'snappy';

/** Header of the framing that the Java clients put around snappy blocks. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER = 16;

/**
 * Teaches kafkajs to read every compression Kafka knows (gzip it knows itself); without a codec one compressed batch
 * would stop the consumer.
 */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => snappy.compress(buffer),
    decompress: (buffer: Buffer) => uncompressSnappy(buffer),
  });
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => lz4.compressFrame(buffer),
    decompress: (buffer: Buffer) => lz4.decompressFrame(buffer),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: () => Promise.reject(new Error('this service reads zstd but does not write it')),
    decompress: (buffer: Buffer) => Promise.resolve(Buffer.from(decompressZstd(buffer))),
  });
}

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
