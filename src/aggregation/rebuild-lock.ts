import type { EntityManager } from 'typeorm';

/** Advisory lock between those who rebuild windows and those who, beside ingestion, change what windows are made of. */
const REBUILD_LOCK = 7_401_021;

/**
 * Keeps rebuilds away until the transaction ends, for those who change windows and anomalies together. Call it before anything is
 * locked: a rebuild would otherwise write over what it cannot see yet.
 */
export async function keepRebuildsAway(transaction: EntityManager): Promise<void> {
  await transaction.query(`SELECT pg_advisory_xact_lock_shared(${REBUILD_LOCK})`);
}

/** The other side: waits for all of those, and keeps them away until the transaction ends. */
export async function lockForRebuild(transaction: EntityManager): Promise<void> {
  await transaction.query(`SELECT pg_advisory_xact_lock(${REBUILD_LOCK})`);
}
