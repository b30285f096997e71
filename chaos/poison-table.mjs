// @ts-check

/**
 * One way in which a record can be odd.
 * @typedef {object} Kind
 * @property {string} name
 * @property {Buffer | null} value
 * @property {string} expected the reason why it is an anomaly; `counted`, on time or late; `repeated`: counted, unless events are
 *   deduplicated
 * @property {number} timestamp of the record, epoch milliseconds; -1 for none
 * @property {Buffer | null} key
 */

/**
 * @typedef {object} PoisonOptions
 * @property {number} clock the time of events and their records, epoch milliseconds; close to the wall clock
 * @property {string} [ids] makes the ids of events those of this round
 * @property {number} [maxEventBytes] of the service; default 1 MiB
 * @property {boolean} [large] with records of a MiB and more; default true
 */

/** What kinds are written down with. */
export class Table {
  /** @type {Kind[]} */
  kinds = [];
  /** @param {PoisonOptions} options */
  constructor({ clock, ids = 'p' }) {
    this.clock = clock;
    this.ids = ids;
  }

  /** @param {string} name @param {string} expected @param {Buffer | string | null} value @param {Partial<Kind>} [more] */
  add(name, expected, value, more) {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    const before = this.kinds.filter((kind) => kind.name.replace(/, time \d+$/, '') === name).length;
    const unique = before > 0 ? `${name}, time ${before + 1}` : name;
    this.kinds.push({ name: unique, expected, value: bytes, timestamp: this.clock, key: null, ...more });
  }

  /**
   * A whole event as JSON text, with some fields set to other JSON texts, added at the end where they are new; undefined leaves
   * one out.
   * @param {Record<string, string | undefined>} [fields]
   */
  event(fields = {}) {
    const all = {
      event_id: JSON.stringify(`${this.ids}-${this.kinds.length}`),
      msisdn: '"7701234567890"',
      region: '"Almaty"',
      cell_tower_id: '1234',
      timestamp: JSON.stringify(this.at(0)),
      event_type: '"data_session"',
      event_subtype: 'null',
      data_mb: '12.5',
      ...fields,
    };
    const texts = Object.entries(all).filter(([, json]) => json !== undefined);
    return `{${texts.map(([name, json]) => `"${name}": ${json}`).join(', ')}}`;
  }

  /** @param {number} ms from the clock @returns {string} ISO 8601 in UTC with milliseconds, and `Z` */
  at(ms) {
    return new Date(this.clock + ms).toISOString();
  }
}
