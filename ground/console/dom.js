// Elements without innerHTML: what comes from outside only ever becomes text.

/**
 * Return a new element.
 * @param {string} tag  "div", or "div.class.other"
 * @param {Object} [props]  attributes; `on*` become listeners, `text` becomes the text
 * @param {...(Node|string|null)} children
 */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const el = document.createElement(name);
  if (classes.length) el.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") el.textContent = value;
    else if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else el.setAttribute(key, value === true ? "" : String(value));
  }
  el.append(...children.filter((child) => child !== null));
  return el;
}

/** Set the text only when it differs, so that an unchanged cell costs no layout. */
export function setText(el, text) {
  if (el.dlText === text) return;
  el.dlText = text;
  el.textContent = text;
}

/** Set or remove an attribute only when it differs. */
export function setAttr(el, name, value) {
  const key = `dl_${name}`;
  if (el[key] === value) return;
  el[key] = value;
  if (value === null || value === undefined || value === "") el.removeAttribute(name);
  else el.setAttribute(name, value);
}

/** Set a style property through the CSSOM (the policy forbids style attributes) only when it differs. */
export function setStyle(el, name, value) {
  const key = `dl_style_${name}`;
  if (el[key] === value) return;
  el[key] = value;
  el.style.setProperty(name, value);
}

/** Show or hide. */
export function setShown(el, shown) {
  if (el.hidden === !shown) return;
  el.hidden = !shown;
}

/** Remove all children. */
export function clear(el) {
  el.replaceChildren();
}

/**
 * A list of elements kept in place by key: rows are made once, updated, moved and removed.
 */
export class KeyedList {
  /**
   * @param {Element} parent
   * @param {(item) => {el: Element, update: (item) => void}} make
   */
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.rows = new Map();
  }

  /** Show exactly these items, in this order. */
  sync(items, keyOf) {
    const seen = new Set();
    let cursor = this.parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      seen.add(key);
      let row = this.rows.get(key);
      if (row === undefined) {
        row = this.make(item);
        this.rows.set(key, row);
      }
      row.update(item);
      if (row.el === cursor) cursor = cursor.nextElementSibling;
      else this.parent.insertBefore(row.el, cursor);
    }
    for (const [key, row] of this.rows) {
      if (seen.has(key)) continue;
      row.el.remove();
      this.rows.delete(key);
    }
  }
}
