// @ts-check
/** @typedef {import('./poison-table.mjs').Table} Table */

/** @param {Table} table */
export function addNames(table) {
  const text = (/** @type {string} */ value) => JSON.stringify(value);
  for (const json of ['4', 'true', '[]', '{}', '["Almaty"]']) {
    table.add(`region ${json}`, 'invalid_region', table.event({ region: json }));
    table.add(`event_subtype ${json}`, 'invalid_subtype', table.event({ event_subtype: json }));
  }
  for (const json of [undefined, 'null', '""', '"unknown"', '" "'])
    table.add(`region ${json}`, 'counted', table.event({ region: json }));
  table.add('an empty subtype', 'counted', table.event({ event_subtype: '""' }));
  const long = { a: 'a', Cyrillic: 'Қ', 'an astral one': '\u{1f4f1}', 'a joined one': 'e\u0301' };
  for (const [what, letter] of Object.entries(long)) {
    const [region, subtype] = [
      letter.repeat(100 / [...letter].length),
      letter.repeat(50 / [...letter].length),
    ];
    table.add(`region of 100 characters: ${what}`, 'counted', table.event({ region: text(region) }));
    table.add(
      `region of 101 characters: ${what}`,
      'invalid_region',
      table.event({ region: text(`${region}x`) }),
    );
    table.add(`subtype of 50 characters: ${what}`, 'counted', table.event({ event_subtype: text(subtype) }));
    table.add(
      `subtype of 51 characters: ${what}`,
      'invalid_subtype',
      table.event({ event_subtype: text(`${subtype}x`) }),
    );
  }
  table.add(
    'region of 100,000 letters',
    'invalid_region',
    table.event({ region: text('x'.repeat(100_000)) }),
  );
  // What PostgreSQL cannot hold becomes one and the same character.
  for (const json of [
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ufffd"',
    '"a\\u0000b\\udfffc"',
    '"\ufffd"',
  ])
    table.add(`region ${json}`, 'counted', table.event({ region: json }));
  table.add('subtype of a lone surrogate', 'counted', table.event({ event_subtype: '"\\udbff"' }));
  for (const name of [
    'line\nbreak',
    'tab\t',
    '"quoted"',
    'back\\slash',
    "'; DROP TABLE anomalies; --",
    '\u202eright to left',
    '__proto__',
    'a|b',
    'ALMATY',
    '\\u0000',
    '{a,b}',
    '\x7f',
  ])
    table.add(`region ${text(name)}`, 'counted', table.event({ region: text(name) }));
  table.add('subtype __proto__', 'counted', table.event({ event_subtype: '"__proto__"' }));
}

/** @param {Table} table */
export function addTimestamps(table) {
  const now = table.at(0);
  const bare = now.slice(0, 19);
  const east = table.at(5 * 3_600_000).slice(0, 19);
  const good = [
    bare,
    `${bare}Z`,
    now.replace('T', ' '),
    `${bare}.1Z`,
    `${bare}.123456789012Z`,
    `${bare}.${'9'.repeat(10_000)}Z`,
    `${east}+05:00`,
    `${bare}-00:00`,
    `${table.at(86_340_000).slice(0, 19)}+23:59`,
    `${table.at(-86_340_000).slice(0, 19)}.5-23:59`,
  ];
  for (const text of good)
    table.add(`timestamp ${text.slice(0, 40)}`, 'counted', table.event({ timestamp: `"${text}"` }));
  table.add(
    'an escaped timestamp',
    'counted',
    table.event({ timestamp: `"${now.replace('T', '\\u0054')}"` }),
  );
  const bad = [
    `${bare}z`,
    now.replace('T', 't'),
    `${bare}+0500`,
    `${bare}+05`,
    `${bare}+24:00`,
    `${bare}+05:60`,
    `${bare} Z`,
    `${bare}.Z`,
    `${bare}.`,
    `${bare},5Z`,
    ` ${now}`,
    `${now}\\n`,
    `${bare}\u2212` + '05:00',
    `${now}Z`,
    `+00${now}`,
  ];
  const date = bare.slice(0, 10);
  bad.push(
    date,
    `${date}T24:00:00Z`,
    `${date}T23:59:60Z`,
    `${date}T23:60:00Z`,
    `${date}T1:02:03Z`,
    `${date}T10:15Z`,
    '2025-02-30T10:00:00Z',
    '2025-02-29T10:00:00Z',
    '2100-02-29T10:00:00Z',
    '2025-00-10T10:00:00Z',
    '2025-13-10T10:00:00Z',
    '2025-04-31T10:00:00Z',
    '2025-11-00T10:00:00Z',
    '1999-12-31T23:59:59Z',
    '1999-12-31T23:59:59-05:00',
    '0000-01-01T00:00:00Z',
    '20251108T101530Z',
    '2025-W45-6',
    '2025-312T10:00:00Z',
    '٢٠٢٥-11-08T10:00:00Z',
    'now',
    '',
  );
  for (const text of bad)
    table.add(`timestamp ${text}`, 'invalid_timestamp', table.event({ timestamp: `"${text}"` }));
  for (const json of [undefined, 'null', '1762597000', '[]', '{}', 'true'])
    table.add(`timestamp ${json}`, 'invalid_timestamp', table.event({ timestamp: json }));
  for (const text of [
    '2000-01-01T00:00:00+05:00',
    '2000-02-29T00:00:00Z',
    '2024-02-29 23:59:59',
    table.at(-8 * 86_400_000),
  ])
    table.add(`timestamp ${text}`, 'too_late', table.event({ timestamp: `"${text}"` }));
  table.add(
    'almost too late',
    'counted',
    table.event({ timestamp: `"${table.at(-7 * 86_400_000 + 600_000)}"` }),
  );
  table.add('the year 9999', 'future_timestamp', table.event({ timestamp: '"9999-12-31T23:59:59.999999Z"' }));
}

/** @param {Table} table */
export function addIds(table) {
  for (const json of [
    '5',
    '5',
    'null',
    'null',
    '{}',
    '{}',
    '["a"]',
    '["a"]',
    'true',
    '""',
    '""',
    undefined,
    undefined,
  ])
    table.add(`event_id ${json}`, 'counted', table.event({ event_id: json }));
  const { ids } = table;
  /** @type {[string, string, string][]} name, expected, JSON */
  const named = [
    ['an id', 'counted', `"${ids}-same"`],
    ['the same id', 'repeated', `"${ids}-same"`],
    ['the same id in escapes', 'repeated', `"${ids}-s\\u0061me"`],
    ['the same id as the last of two', 'repeated', `"${ids}-other", "event_id": "${ids}-same"`],
    ['the same id in upper case', 'counted', `"${ids}-SAME"`],
    ['the same id and a space', 'counted', `"${ids}-same "`],
    ['a composed letter', 'counted', `"${ids}-\u00e9"`],
    ['the letter in parts', 'counted', `"${ids}-e\u0301"`],
    ['NUL in an id', 'counted', `"${ids}-\\u0000"`],
    ['NUL in an id once more', 'repeated', `"${ids}-\\u0000"`],
    ['U+FFFD in an id', 'counted', `"${ids}-\\ufffd"`],
    ['a lone surrogate', 'counted', `"${ids}-\\ud800"`],
    ['another lone surrogate', 'counted', `"${ids}-\\udbff"`],
    ['the first lone surrogate', 'repeated', `"${ids}-\\ud800"`],
    ['an astral letter', 'counted', `"${ids}-\u{1f4f1}"`],
    ['an astral letter in escapes', 'repeated', `"${ids}-\\ud83d\\udcf1"`],
    ['10 kB', 'counted', `"${ids}-${'x'.repeat(10_000)}"`],
    ['10 kB that end otherwise', 'counted', `"${ids}-${'x'.repeat(9_999)}y"`],
    ['10 kB once more', 'repeated', `"${ids}-${'x'.repeat(10_000)}"`],
    ['quotes and backslashes', 'counted', `"${ids}-\\"\\\\{},"`],
  ];
  for (const [name, expected, json] of named)
    table.add(`event_id: ${name}`, expected, table.event({ event_id: json }));
  table.add(
    'a bad event with the same id',
    'invalid_amount',
    table.event({ event_id: `"${ids}-same"`, amount: '-1' }),
  );
}
