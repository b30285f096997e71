/** Why an event was set aside: a closed list, in the order in which the rules are applied. The first that fails names the reason. */
export const anomalyReasons = [
  'oversized',
  'malformed_json',
  'missing_msisdn',
  'unknown_event_type',
  'invalid_duration',
  'invalid_data_volume',
  'invalid_amount',
  'invalid_subtype',
  'invalid_region',
  'invalid_timestamp',
  'future_timestamp',
  'too_late',
  'late_event',
] as const;

export type AnomalyReason = (typeof anomalyReasons)[number];
