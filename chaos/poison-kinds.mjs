// @ts-check
import { addFields, addQuantities, addShapes } from './poison-content.mjs';
import { Table } from './poison-table.mjs';
import { addIds, addNames, addTimestamps } from './poison-values.mjs';

/** @typedef {import('./poison-table.mjs').Kind} Kind */
/** @typedef {import('./poison-table.mjs').PoisonOptions} PoisonOptions */

/**
 * Odd records, in an order in which each is judged as expected, given that a partition begins with the first of them.
 * @param {PoisonOptions} options
 * @returns {Kind[]}
 */
export function poisonKinds(options) {
  const table = new Table(options);
  table.add('a whole event', 'counted', table.event());
  addShapes(table);
  addFields(table);
  addQuantities(table);
  addNames(table);
  addTimestamps(table);
  addIds(table);
  addRecordTimes(table);
  addSizes(table, options.maxEventBytes ?? 1_048_576, options.large ?? true);
  addAhead(table);
  return table.kinds;
}

/** @param {Table} table */
function addRecordTimes(table) {
  // Brokers let only these through when the topic allows it, see poisonTopicConfig.
  const times = {
    none: -1,
    'the epoch': 0,
    'the year 10000': 253_402_300_800_000,
    'the largest': 9_223_372_036_854_774_784,
  };
  for (const [what, timestamp] of Object.entries(times)) {
    const expected = timestamp === 0 ? 'future_timestamp' : 'counted';
    table.add(`a record time of ${what}`, expected, table.event(), { timestamp });
    table.add(`a bad record with a time of ${what}`, 'missing_msisdn', table.event({ msisdn: 'null' }), {
      timestamp,
    });
  }
}

/** @param {Table} table @param {number} maxEventBytes @param {boolean} large */
function addSizes(table, maxEventBytes, large) {
  if (!large) return;
  const sized = (/** @type {number} */ bytes) => {
    const [start, end] = [table.event().slice(0, -1), '"}'];
    return `${start}, "more": "${'x'.repeat(bytes - Buffer.byteLength(start) - 11 - end.length)}${end}`;
  };
  table.add('the most bytes', 'counted', sized(maxEventBytes));
  table.add('a byte more', 'oversized', sized(maxEventBytes + 1));
  table.add('a byte more, and no JSON', 'oversized', 'x'.repeat(maxEventBytes + 1));
  table.add(
    'the most bytes, and no msisdn',
    'missing_msisdn',
    sized(maxEventBytes).replace('msisdn', 'nsisdn'),
  );
  table.add('the most bytes of quotes', 'malformed_json', '"'.repeat(maxEventBytes));
}

/** Last: what is ahead moves the watermark. @param {Table} table */
function addAhead(table) {
  const ahead = table.at(300_000).slice(0, -1);
  table.add('a microsecond too far ahead', 'future_timestamp', table.event({ timestamp: `"${ahead}001Z"` }));
  table.add('just not too far ahead', 'counted', table.event({ timestamp: `"${ahead}000Z"` }));
  table.add(
    'just not too far ahead, by its seventh digit',
    'counted',
    table.event({ timestamp: `"${ahead}0009Z"` }),
  );
}
