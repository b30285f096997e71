import type { Socket } from 'node:net';
import { GenericError, MultipleErrors, type ConnectionPool, type Connection } from '@platformatic/kafka';

/**
 * Whatever goes wrong with a connection of the library comes to its requests as well; its event `error` itself, without a
 * listener, would end the process.
 */
export function guardConnections(pool: ConnectionPool): void {
  pool.on('connecting', ({ connection }) => {
    guard(connection);
  });
}

function guard(connection: Connection): void {
  connection.on('error', () => {
    cut(connection);
  });
  // Ends its timer for authenticating again, which would keep the process alive.
  connection.on('close', () => void connection.close());
}

/** Ends connections at once: a late answer to a request that timed out confuses its connection. */
export function cutConnections(pool: ConnectionPool): void {
  for (const [, connection] of pool) cut(connection);
}

export function cut({ socket }: { readonly socket?: Socket }): void {
  socket?.destroy();
}

export const isOfLibrary = (
  error: unknown,
): error is { findBy(property: string, value: unknown): Error | null } =>
  error instanceof GenericError || error instanceof MultipleErrors;
