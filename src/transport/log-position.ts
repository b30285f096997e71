/** A place in the log of one partition. */
export interface LogPosition {
  /** Which log: one that was deleted and created anew under the same name has another id. */
  readonly logId: string;
  readonly offset: bigint;
}
