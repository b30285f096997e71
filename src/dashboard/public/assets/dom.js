/** The few helpers this page needs in place of a framework. Text always goes in as text, never as markup. */

const SVG = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);

/** @param attributes attribute values by name; `text` is the text content */
export const element = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);

export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

function filled(node, { text, ...attributes }, children) {
  setAttributes(node, attributes);
  if (text !== undefined) node.textContent = text;
  node.append(...children);
  return node;
}

export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
  }
}

/** Sets text only where it differs, so that selections and screen readers are left in peace. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const nodesOf = new WeakMap();

/**
 * Makes the children of `parent` show `items`, in their order. Nodes are kept by key, and with them focus and hover.
 * @param create makes the node of an item; `update` fills it, then and every time after
 */
export function show(parent, items, { key, create, update }) {
  const before = nodesOf.get(parent) ?? new Map();
  const now = new Map();
  items.forEach((item, index) => {
    const id = key(item);
    const node = before.get(id) ?? create(item);
    now.set(id, node);
    update(node, item);
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
  for (const [id, node] of before) if (now.get(id) !== node) node.remove();
  nodesOf.set(parent, now);
}
