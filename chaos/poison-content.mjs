// @ts-check
/** @typedef {import('./poison-table.mjs').Table} Table */

/** @param {Table} table */
export function addShapes(table) {
  const event = table.event();
  table.add('a tombstone', 'malformed_json', null);
  table.add('a key without a value', 'malformed_json', null, { key: Buffer.from('7701234567890') });
  table.add('no bytes', 'malformed_json', '');
  table.add('spaces', 'malformed_json', ' \t\r\n');
  table.add('a byte order mark', 'malformed_json', `\ufeff${table.event()}`);
  table.add('UTF-16', 'malformed_json', Buffer.from(event, 'utf16le'));
  table.add(
    'a byte that UTF-8 never has',
    'malformed_json',
    Buffer.from(event.replace('Almaty', '\xff'), 'latin1'),
  );
  table.add('an overlong NUL', 'malformed_json', Buffer.from(event.replace('Almaty', '\xc0\x80'), 'latin1'));
  table.add(
    'a surrogate in bytes',
    'malformed_json',
    Buffer.from(event.replace('Almaty', '\xed\xa0\x80'), 'latin1'),
  );
  table.add('a bare NUL', 'malformed_json', event.replace('Almaty', '\0'));
  table.add('a bare line break in a text', 'malformed_json', event.replace('Almaty', '\n'));
  table.add('cut off', 'malformed_json', event.slice(0, -1));
  table.add('cut off in an escape', 'malformed_json', '{"msisdn": "\\u00');
  table.add('two events', 'malformed_json', event + event);
  table.add('a comma too many', 'malformed_json', event.replace('}', ',}'));
  table.add('a comment', 'malformed_json', event.replace('{', '{/* */'));
  table.add('single quotes', 'malformed_json', event.replaceAll('"', "'"));
  table.add('an array', 'malformed_json', `[${event}]`);
  table.add('a text', 'malformed_json', JSON.stringify(event));
  for (const json of ['0', '1e400', 'null', 'true', '""', '[]', 'NaN'])
    table.add(`only ${json}`, 'malformed_json', json);
  table.add('an empty object', 'missing_msisdn', '{}');
  table.add('an empty object with spaces', 'missing_msisdn', ' { } ');
  table.add('white space around', 'counted', ` \n\t${table.event().replaceAll(': ', ' \r\n:\t')}\r\n`);
  table.add('a space that JSON does not know', 'malformed_json', `\u00a0${table.event()}`);
  const deep = 100_000;
  const [arrays, objects] = [
    `${'['.repeat(deep)}${']'.repeat(deep)}`,
    `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`,
  ];
  table.add('100,000 arrays', 'counted', table.event({ more: arrays }));
  table.add(
    '100,000 objects, and no msisdn',
    'missing_msisdn',
    table.event({ msisdn: undefined, more: objects }),
  );
  table.add('100,000 brackets', 'malformed_json', '['.repeat(deep));
  table.add('100,000 as a quantity', 'invalid_amount', table.event({ amount: arrays }));
}

/** @param {Table} table */
export function addFields(table) {
  for (const json of [undefined, 'null', '""', '7701234567890', '["7"]', '{}', 'false'])
    table.add(`msisdn ${json}`, 'missing_msisdn', table.event({ msisdn: json }));
  table.add('msisdn of a space', 'counted', table.event({ msisdn: '" "' }));
  table.add('msisdn of NUL', 'counted', table.event({ msisdn: '"\\u0000"' }));
  table.add('msisdn of 100,000 digits', 'counted', table.event({ msisdn: `"${'7'.repeat(100_000)}"` }));
  for (const json of [
    undefined,
    'null',
    '""',
    '"mms"',
    '"CALL"',
    '"Call"',
    '" call"',
    '"call\\u0000"',
    '"__proto__"',
    '"toString"',
    '4',
    '["call"]',
  ])
    table.add(`event_type ${json}`, 'unknown_event_type', table.event({ event_type: json }));
  table.add(
    'the first rule names the reason',
    'missing_msisdn',
    table.event({ msisdn: '""', event_type: '4', region: '4' }),
  );
  table.add('the last of two fields counts', 'counted', table.event({ msisdn: '"", "msisdn": "7"' }));
  table.add('the last of two fields is bad', 'missing_msisdn', table.event({ msisdn: '"7", "msisdn": ""' }));
  table.add('two quantities', 'counted', table.event({ data_mb: '-1, "data_mb": 3' }));
  table.add('escapes in names', 'counted', table.event().replace('"msisdn"', '"m\\u0073isd\\u006E"'));
  table.add('an escaped name, once more', 'missing_msisdn', table.event({ 'm\\u0073isdn': '""' }));
  table.add(
    'escapes in values',
    'counted',
    table.event({ event_type: '"\\u0063all"', event_subtype: '"inc\\u006fming"' }),
  );
  table.add('__proto__', 'counted', table.event({ ['__proto__']: '{"region": 4}' }));
  table.add(
    'a msisdn of __proto__',
    'missing_msisdn',
    table.event({ msisdn: undefined, ['__proto__']: '{"msisdn": "7"}' }),
  );
  table.add(
    'constructor',
    'counted',
    table.event({ constructor: '1', toString: '2', hasOwnProperty: '3', length: '4' }),
  );
  table.add('Upper case', 'missing_msisdn', table.event().replace('msisdn', 'MSISDN'));
  table.add('a field of 100,000 letters', 'counted', table.event({ ['x'.repeat(100_000)]: '1' }));
  const fields = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`field_${index}`, 'null']));
  table.add('5,000 fields', 'counted', table.event(fields));
  table.add('an empty name', 'counted', table.event({ '': '1' }));
}

/** @param {Table} table */
export function addQuantities(table) {
  const good = [
    '0',
    '-0',
    '0.0',
    '1e9',
    '1E+2',
    '1e-400',
    '-1e-400',
    '5e-324',
    '0.0000005',
    '0.00000049',
    '1.0000005',
    '999999999.9999999',
    '0.1000000000000000055511151231257827',
    '12345678.123456789',
    'null',
  ];
  for (const json of good) table.add(`data_mb ${json}`, 'counted', table.event({ data_mb: json }));
  for (const json of [
    '-1',
    '-5e-324',
    '1000000000.0000001',
    '1e400',
    '-1e400',
    '"1"',
    '""',
    'true',
    '[1]',
    '{}',
  ])
    table.add(`data_mb ${json}`, 'invalid_data_volume', table.event({ data_mb: json }));
  for (const json of ['NaN', 'Infinity', '+1', '01', '.5', '1.', '0x1', '1_000', '1,5', 'undefined'])
    table.add(`data_mb ${json}`, 'malformed_json', table.event({ data_mb: json }));
  table.add('no data_mb', 'counted', table.event({ data_mb: undefined }));
  const call = { event_type: '"call"', event_subtype: '"incoming"', data_mb: undefined };
  table.add('a call of -1 s', 'invalid_duration', table.event({ ...call, duration_seconds: '-1' }));
  table.add('a call of "60" s', 'invalid_duration', table.event({ ...call, duration_seconds: '"60"' }));
  table.add('a call with an amount', 'counted', table.event({ ...call, amount: '100' }));
  table.add('a call with a bad amount', 'invalid_amount', table.event({ ...call, amount: '-100' }));
  const recharge = { event_type: '"balance_recharge"', data_mb: undefined };
  for (const json of ['0.01', '1000000000', '333.335', '1e-7'])
    table.add(`amount ${json}`, 'counted', table.event({ ...recharge, amount: json }));
  table.add(
    'a subtype of a recharge',
    'counted',
    table.event({ ...recharge, event_subtype: '"card"', amount: '7.25' }),
  );
}
