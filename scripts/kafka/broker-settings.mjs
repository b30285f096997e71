// @ts-check
import { HOST } from './ports.mjs';

/** @typedef {Record<string, string | number | boolean>} KafkaProperties */

/**
 * A second door for clients, behind a proxy: they are told to come by the proxy's port.
 * @typedef {{ port: number, proxyPort: number }} ProxiedListener
 */

const MIB = 1024 * 1024;

/**
 * server.properties of a single node that is broker and controller in one. message.max.bytes and retention
 * are Kafka's own.
 * @param {object} options
 * @param {number} options.port
 * @param {number} options.controllerPort may change between two starts on the same data
 * @param {string} options.dataDir
 * @param {string} options.metadataDir
 * @param {ProxiedListener} [options.proxied]
 * @param {KafkaProperties} options.overrides
 * @returns {KafkaProperties}
 */
export function brokerSettings({ port, controllerPort, dataDir, metadataDir, proxied, overrides }) {
  const listeners = `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${HOST}:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    ...(proxied
      ? {
          listeners: `${listeners},PROXIED://${HOST}:${proxied.port}`,
          'advertised.listeners': `PLAINTEXT://${HOST}:${port},PROXIED://${HOST}:${proxied.proxyPort}`,
          'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT',
        }
      : { listeners }),
    'log.dirs': dataDir,
    // Only when it is a folder of its own does Kafka lock it before writing: two brokers on one `dir` would
    // corrupt the metadata.
    'metadata.log.dir': metadataDir,

    'num.partitions': 4,
    'auto.create.topics.enable': false, // a misspelt topic must be an error, not a new topic
    'group.initial.rebalance.delay.ms': 0, // 3 s by default, for every consumer group that a test makes

    // After kill -9 the controller refuses the new broker until the old one's session has run out, 9 s by
    // default.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,

    // One node: the defaults of 3 replicas, of which 2 in sync, can never be met.
    'default.replication.factor': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,

    // 50 partitions each by default, which the first consumer or transaction waits for.
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.num.partitions': 1,

    // The smallest that Kafka accepts, so that a long-lived .data/kafka does not grow by 1 GiB of metadata.
    'metadata.log.segment.bytes': 8 * MIB,
    'metadata.max.retention.bytes': 32 * MIB,
    // 128 MiB by default, allocated at the start: a quarter of a small heap.
    'log.cleaner.dedupe.buffer.size': 16 * MIB,

    ...overrides,
  };
}

/**
 * @param {KafkaProperties} properties
 * @returns {string} the text of a .properties file, which Java reads as ISO-8859-1 with backslash escapes
 */
export function toPropertiesFile(properties) {
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${escapeValue(String(value))}\n`);
  return lines.join('');
}

/** @param {string} value */
function escapeValue(value) {
  return value
    .replaceAll('\\', '\\\\')
    .replace(/^ /, '\\ ')
    .replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
