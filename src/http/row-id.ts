import { z } from 'zod';
import { cursorCodec, type CursorCodec } from './core/cursor.js';

/** Id of a row that the database counts, in a path. @param thing what has the id, such as `run` */
export const rowIdParameter = (thing: string) =>
  z
    .string()
    .regex(/^[1-9]\d{0,17}$/, `must be the id of a ${thing}`)
    .describe(`Id of the ${thing}.`);

/** Cursors of a list that is sorted by such ids. */
export const rowIdCursor = (list: string): CursorCodec<string> =>
  cursorCodec(list, z.string().regex(/^\d{1,18}$/));
