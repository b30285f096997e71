/** Who acts, as histories call it: there is one key, so it cannot be told who exactly. */
export const OPERATOR = 'operator';
