import { CronTime } from 'cron';
import ms from 'ms';
import { z } from 'zod';

/** `500ms`, `10s`, `1 min`, `7d`; a bare number counts milliseconds. Gives milliseconds. */
export const duration = (min: string, max: string) => {
  const [least, most] = [parseDuration(min), parseDuration(max)];
  return z.string().transform((text, ctx) => {
    const value = parseDuration(text);
    if (!(value >= least && value <= most)) {
      ctx.addIssue({
        code: 'custom',
        message: `must be a duration from ${min} to ${max}, such as 500ms, 10s or 7d`,
      });
      return z.NEVER;
    }
    return value;
  });
};

const parseDuration = (text: string): number => ms(text.trim() as ms.StringValue);

/** A whole number in decimal digits, within bounds. */
export const integer = (min: number, max: number) =>
  z
    .string()
    .trim()
    .regex(/^-?\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);

/** A decimal number, within bounds. */
export const decimal = (min: number, max: number) =>
  z
    .string()
    .trim()
    .regex(/^\d+(\.\d+)?$/, 'must be a number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);

const YES = ['true', '1', 'yes', 'on'];
const NO = ['false', '0', 'no', 'off'];

/** `true`/`false`, `1`/`0`, `yes`/`no` or `on`/`off`. */
export const flag = z
  .string()
  .trim()
  .toLowerCase()
  .refine((text) => YES.includes(text) || NO.includes(text), 'must be true or false')
  .transform((text) => YES.includes(text));

/** `host:port`, comma-separated. */
export const brokerList = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((broker) => broker.trim())
      .filter(Boolean),
  )
  .refine((brokers) => brokers.length > 0, 'must name at least one broker')
  .refine(
    (brokers) => brokers.every((broker) => /^[^\s:/@]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(broker)),
    {
      message: 'must be host:port, comma-separated',
    },
  );

/** `drop:N` or `double:N`. */
export const sabotage = z
  .string()
  .trim()
  .regex(/^(drop|double):[1-9]\d{0,8}$/, 'must be drop:N or double:N')
  .transform((text) => {
    const [fault, oneIn] = text.split(':') as ['drop' | 'double', string];
    return { fault, oneIn: Number(oneIn) };
  });

export const oneOf = <const T extends string>(...values: T[]) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` });

export const text = (max: number) =>
  z.string().trim().min(1, 'must not be empty').max(max, `must be at most ${max} characters`);

export const postgresUrl = z
  .string()
  .trim()
  .refine((value) => /^postgres(ql)?:$/.test(URL.canParse(value) ? new URL(value).protocol : ''), {
    message: 'must be postgresql://user:password@host:port/database',
  });

/** A Kafka topic name: what the broker itself accepts. */
export const topicName = z
  .string()
  .trim()
  .regex(
    /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/,
    'must be 1 to 249 letters, digits, dots, dashes or underscores',
  );

/** A cron expression of five fields, or six with seconds first, that fires at least once a year. */
export const cronExpression = z
  .string()
  .trim()
  .refine(firesEveryYear, 'must be a cron expression such as 5 0 * * * that fires at least once a year');

function firesEveryYear(expression: string): boolean {
  try {
    const start = new Date('2025-03-01T00:00:00Z');
    return (
      new CronTime(expression, 'UTC').getNextDateFrom(start, 'UTC').toMillis() <
      start.getTime() + 366 * 86_400_000
    );
  } catch {
    return false;
  }
}
