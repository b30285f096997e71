/* global Blob */
import { element } from './dom.js';

/** How long browsers may take to read what they save. */
const KEPT_MS = 60_000;

/** Hands text to the browser as a file to save. */
export function saveText(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  element('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}
