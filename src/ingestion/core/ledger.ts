/** What became of the records of one partition. */
export interface Ledger {
  /** Offsets the log has moved on by. */
  consumed: number;
  /** Events on time for both of their windows. */
  counted: number;
  /** Events counted although late for at least one of their windows. */
  lateCounted: number;
  anomalies: number;
  /** Events seen before. */
  duplicates: number;
  /** Offsets without an event: control records, aborted and compacted ones. */
  skipped: number;
}

export const emptyLedger = (): Ledger => ({
  consumed: 0,
  counted: 0,
  lateCounted: 0,
  anomalies: 0,
  duplicates: 0,
  skipped: 0,
});

/** How many consumed records no outcome accounts for; anything but 0 is a bug. */
export const imbalanceOf = (ledger: Ledger): number =>
  ledger.consumed -
  (ledger.counted + ledger.lateCounted + ledger.anomalies + ledger.duplicates + ledger.skipped);
