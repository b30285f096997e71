import { apiKey, forgetApiKey, keepApiKey } from './api.js';
import { noteKeyWanted } from './connection.js';
import { byId, setText } from './dom.js';

let wanted = false;

/** True while requests would only be refused. */
export const isKeyWanted = () => wanted;

/** Asks for the key, unless the refused request used one that has been replaced since. */
export function askForKey({ usedKey }) {
  if (wanted || usedKey !== apiKey()) return;
  wanted = true;
  setText(byId('access-message'), usedKey === null ? '' : 'That key is not the right one.');
  forgetApiKey();
  noteKeyWanted(true);
  open();
}

/** @param onKey called once there is a key to try */
export function setUpAccess(onKey) {
  byId('access-open').addEventListener('click', open);
  byId('access-form').addEventListener('submit', (event) => {
    event.preventDefault();
    // Only bytes that a header can hold; the service's answer tells the rest.
    const key = byId('access-key').value.trim();
    if (!/^[\x21-\x7e]+$/.test(key)) {
      setText(byId('access-message'), 'A key has no spaces, and letters of ASCII only.');
      return;
    }
    keepApiKey(key);
    wanted = false;
    byId('access').close();
    noteKeyWanted(false);
    onKey();
  });
}

function open() {
  byId('access-key').value = '';
  if (!byId('access').open) byId('access').showModal();
}
