/** A WHERE clause that grows a condition at a time, with its values as parameters. */
export class Conditions {
  private readonly parts: string[] = [];
  readonly values: unknown[] = [];

  /**
   * @param sql the condition, with a `?` in place of each value; they are numbered here. No other `?` may be in it
   */
  add(sql: string, ...values: unknown[]): this {
    let index = 0;
    this.parts.push(sql.replace(/\?/g, () => this.parameter(values[index++])));
    return this;
  }

  /** Adds a value that stands elsewhere in the statement. @returns its placeholder */
  parameter(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  /** `WHERE …`, or nothing. */
  toString(): string {
    return this.parts.length === 0 ? '' : `WHERE ${this.parts.join(' AND ')}`;
  }
}

/** A pattern for `LIKE ? ESCAPE '\'` (the default) that finds exactly this text, anywhere. */
export const likeAnywhere = (text: string): string => `%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`;
