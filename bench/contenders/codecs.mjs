import kafkajs from 'kafkajs';
import { decompress } from '../../dist/transport/kafka/codecs.js';

const { CompressionCodecs, CompressionTypes } = kafkajs;

// Teaches kafkajs to read what it cannot by itself, with the libraries that the service reads it with.
for (const [type, name] of [
  [CompressionTypes.Snappy, 'snappy'],
  [CompressionTypes.LZ4, 'lz4'],
  [CompressionTypes.ZSTD, 'zstd'],
])
  CompressionCodecs[type] = () => ({ decompress: decompress[name] });
