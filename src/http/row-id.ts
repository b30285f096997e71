import { z } from 'zod';
import type { Conditions } from './core/conditions.js';
import { cursorCodec, type CursorCodec } from './core/cursor.js';
import { cursorPosition, page, type Page } from './list.js';

/** Id of a row that the database counts, in a path. @param thing what has the id, such as `run` */
export const rowIdParameter = (thing: string) =>
  z
    .string()
    .regex(/^[1-9]\d{0,17}$/, `must be the id of a ${thing}`)
    .describe(`Id of the ${thing}.`);

/** Cursors of a list that is sorted by such ids. */
export const rowIdCursor = (list: string): CursorCodec<string> =>
  cursorCodec(list, z.string().regex(/^\d{1,18}$/));

/**
 * One page of such a list, newest first.
 * @param where what the rows have to meet
 * @param select gives the rows by the clauses of its statement after `FROM`, and their values
 * @throws ProblemError for a cursor that this list did not give
 */
export async function pageById<T extends { readonly id: string }>(
  codec: CursorCodec<string>,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
  where: Conditions,
  select: (clauses: string, values: readonly unknown[]) => Promise<readonly T[]>,
): Promise<Page<T>> {
  const before = cursorPosition(codec, cursor);
  if (before) where.add('id < ?', before);
  const clauses = `${String(where)} ORDER BY id DESC LIMIT ${where.parameter(limit + 1)}`;
  return page(await select(clauses, where.values), limit, (last) => codec.encode(last.id));
}
