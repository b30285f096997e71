/**
 * SQLSTATEs that say the server is away, stopping, full, too slow or torn between two, rather than that a statement is wrong:
 * class 08 connection exceptions, 28 refused logins, 40 deadlocks and conflicts, 53 insufficient resources, 57 operator
 * intervention (57014 is a statement timeout), 3D000 no such database, 25006 a standby that only reads, and 42P01 no such
 * table, which is how it looks before the migrations have run. Whatever its code, a FATAL error has ended the connection.
 */
const SQLSTATE = /^(08|28|40|53|57)[0-9A-Z]{3}$|^(3D000|25006|42P01)$/;

/** System calls of a connection; a failed `open` of some file is another matter. */
const SYSCALLS = new Set(['connect', 'read', 'write', 'getaddrinfo']);

/**
 * What pg and its pool say without a code, and what TypeORM says before the first connection, and of a connection that has
 * ended between two queries.
 */
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client (has encountered a connection error|was closed)|Cannot use a pool after calling end|Driver not Connected)|connection is not yet established|[Qq]uery runner (was )?already released/;

/** True when an error of a database call means "not now" rather than "not like this". */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isDatabaseUnavailable)) return true;
  // TypeORM wraps the driver's error and copies its code.
  const cause = 'driverError' in error ? error.driverError : undefined;
  return isConnectionFailure(error) || (cause !== error && isDatabaseUnavailable(cause));
}

function isConnectionFailure(error: Error): boolean {
  if ('severity' in error && error.severity === 'FATAL') return true;
  if ('code' in error && typeof error.code === 'string' && SQLSTATE.test(error.code)) return true;
  if ('syscall' in error && typeof error.syscall === 'string') return SYSCALLS.has(error.syscall);
  return MESSAGES.test(error.message);
}
