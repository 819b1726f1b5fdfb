/** The few things that every part of the page does to the document. */

/**
 * The element with this id, which index.html has.
 * @template {keyof HTMLElementTagNameMap} [Tag='div']
 * @param {string} id
 * @param {Tag} [_tag] for its type
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function byId(id, _tag) {
  return /** @type {HTMLElementTagNameMap[Tag]} */ (document.getElementById(id));
}

/**
 * A new element. Strings among the children become text, never markup.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children);
  return element;
}

/**
 * A button that does `act`.
 * @param {string} shape its class
 * @param {() => void} act
 * @param {...(Node | string)} children
 */
export function button(shape, act, ...children) {
  const element = el('button', { class: shape, type: 'button' }, ...children);
  element.addEventListener('click', act);
  return element;
}

/**
 * Only when it says something else: what is read aloud is read once.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {number} at */
export function clock(at) {
  return new Date(at).toTimeString().slice(0, 8);
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1_000) return `${Math.round(ms * 10) / 10} ms`;
  return ms < 60_000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms / 60_000)} min`;
}
