import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import { isDatabaseUnavailable } from './database-unavailable.js';

const coded = (message: string, fields: object): Error => Object.assign(new Error(message), fields);

describe('an error of the database', () => {
  it.each<[string, Error]>([
    ['a refused connection', coded('connect ECONNREFUSED', { code: 'ECONNREFUSED', syscall: 'connect' })],
    [
      'a refused connection over IPv4 and IPv6',
      new AggregateError([coded('connect ECONNREFUSED ::1', { code: 'ECONNREFUSED', syscall: 'connect' })]),
    ],
    ['a server that stops', coded('terminating connection', { code: '57P01' })],
    ['too many connections', coded('sorry, too many clients', { code: '53300' })],
    ['a statement timeout', new QueryFailedError('SELECT', [], coded('canceling', { code: '57014' }))],
    ['a deadlock', coded('deadlock detected', { code: '40P01' })],
    ['a lost connection', new Error('Connection terminated unexpectedly')],
    ['a full pool', new Error('timeout exceeded when trying to connect')],
    ['a query without an answer', new QueryFailedError('SELECT', [], new Error('Query read timeout'))],
    ['a data source that is not connected yet', new Error('Driver not Connected')],
    ['a connection that has ended between two queries', new QueryRunnerProviderAlreadyReleasedError()],
    ['the same, asked directly', new QueryRunnerAlreadyReleasedError()],
    ['tables that are not there yet', new QueryFailedError('SELECT', [], coded('no', { code: '42P01' }))],
  ])('says "not now": %s', (_, error) => {
    expect(isDatabaseUnavailable(error)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a wrong statement', new QueryFailedError('SELEC', [], coded('syntax error', { code: '42601' }))],
    ['a missing file', coded('no such file', { code: 'ENOENT', syscall: 'open' })],
    ['a bug', new TypeError('x is not a function')],
    ['nothing', undefined],
    ['a string', 'Connection terminated'],
  ])('says "not like this": %s', (_, error) => {
    expect(isDatabaseUnavailable(error)).toBe(false);
  });
});
