/**
 * The shopping list as a panel beside the x-ray: live, whoever changes it.
 *
 * @typedef {{ id: number, name: string, quantity: number, purchased: boolean }} Item
 * @typedef {{ root: string, ask: (method: string, path: string, body?: unknown) => Promise<unknown>, title: (text: string) => void }} Page
 */

/**
 * @param {HTMLElement} place
 * @param {Page} page
 */
export function mount(place, { root, ask, title }) {
  /** @type {Item[]} */
  let items = [];
  title('The shopping list');
  adoptStyle();
  const name = field({
    id: 'name',
    placeholder: 'What to buy',
    autocomplete: 'off',
    maxLength: 200,
    required: true,
  });
  const quantity = field({
    id: 'quantity',
    type: 'number',
    inputMode: 'numeric',
    value: '1',
    min: '1',
    max: '9999',
    required: true,
  });
  name.setAttribute('aria-label', 'What to buy');
  quantity.setAttribute('aria-label', 'How many');
  const add = Object.assign(document.createElement('form'), { id: 'add' });
  add.append(
    name,
    quantity,
    Object.assign(document.createElement('button'), { className: 'button', textContent: 'Add' }),
  );
  const refusal = Object.assign(document.createElement('p'), { id: 'refusal', role: 'alert' });
  const rows = Object.assign(document.createElement('ul'), { id: 'items' });
  place.append(add, refusal, rows);

  add.addEventListener('submit', async event => {
    event.preventDefault();
    const body = { name: name.value, quantity: Number(quantity.value) };
    if (!(await change('POST', 'items/', body))) return;
    name.value = '';
    quantity.value = '1';
    name.focus();
  });

  /** The list itself changes with the next state, whoever made the change. @param {string} method @param {string} path @param {unknown} [body] */
  async function change(method, path, body) {
    try {
      await ask(method, `${root}/${path}`, body);
      refusal.textContent = '';
      return true;
    } catch (error) {
      refusal.textContent = error instanceof Error ? error.message : String(error);
      show(items); // undoes what the field or the tick says
      return false;
    }
  }

  /** @param {Item[]} list */
  function show(list) {
    const known = new Map(items.map(item => [item.id, JSON.stringify(item)]));
    const isFirst = rows.childElementCount === 0;
    items = list;
    for (const row of [...rows.children])
      if (!list.some(({ id }) => String(id) === row.getAttribute('data-id'))) removeRow(row);
    for (const item of list) {
      const row =
        rows.querySelector(`[data-id="${Number(item.id)}"]`) ?? rows.appendChild(newRow(item));
      if (known.get(item.id) !== JSON.stringify(item) && !isFirst) flash(row);
      fill(row, item);
    }
  }

  /** @param {Item} item */
  function newRow({ id }) {
    const row = document.createElement('li');
    row.dataset.id = String(id);
    const tick = field({ id: `item-${id}`, type: 'checkbox' });
    const label = Object.assign(document.createElement('label'), { htmlFor: `item-${id}` });
    const amount = field({
      type: 'number',
      min: '1',
      max: '9999',
      inputMode: 'numeric',
      required: true,
    });
    const remove = Object.assign(document.createElement('button'), {
      className: 'remove',
      type: 'button',
      textContent: '×',
    });
    tick.addEventListener('change', () =>
      change('PATCH', `items/${id}`, { purchased: tick.checked }),
    );
    amount.addEventListener('change', () =>
      change('PATCH', `items/${id}`, { quantity: Number(amount.value) }),
    );
    remove.addEventListener('click', () => change('DELETE', `items/${id}`));
    row.append(tick, label, amount, remove);
    return row;
  }

  /** Focus does not fall off the page with the row that held it. @param {Element} row */
  function removeRow(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const to = next?.querySelector('.remove') ?? name;
    if (row.contains(document.activeElement) && to instanceof HTMLElement) to.focus();
    row.remove();
  }

  return { take: (/** @type {Item[]} */ state) => show(state) };
}

/** @param {Record<string, unknown>} about its properties */
function field(about) {
  const input = document.createElement('input');
  for (const [name, value] of Object.entries(about)) Reflect.set(input, name, value);
  return input;
}

/** @param {Element} row @param {Item} item */
function fill(row, { name, quantity, purchased }) {
  const [tick, label, amount, remove] = row.children;
  row.classList.toggle('done', purchased);
  if (tick instanceof HTMLInputElement) tick.checked = purchased;
  if (label && label.textContent !== name) label.textContent = name;
  // somebody may be typing there
  if (amount instanceof HTMLInputElement && document.activeElement !== amount)
    amount.value = String(quantity);
  amount?.setAttribute('aria-label', `How many ${name}`);
  remove?.setAttribute('aria-label', `Remove ${name}`);
}

/** @param {Element} row */
function flash(row) {
  row.classList.remove('fresh');
  row.getBoundingClientRect(); // or the animation would not start again
  row.classList.add('fresh');
}

function adoptStyle() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    #add { display: grid; grid-template-columns: minmax(0, 1fr) 4rem auto; gap: .4rem; margin-top: .6rem; }
    #refusal { margin-top: .5rem; color: var(--bad); overflow-wrap: anywhere; } #refusal:empty { display: none; }
    #items { margin-top: .5rem; }
    #items li { display: grid; grid-template-columns: auto minmax(0, 1fr) 4rem 2.1rem; gap: .2rem .5rem; align-items: center; padding: .25rem 0; border-top: 1px solid var(--line); }
    #items label { overflow-wrap: anywhere; padding: .2rem 0; }
    #items input[type='checkbox'] { width: 1.15rem; height: 1.15rem; margin: 0; accent-color: var(--accent); }
    #items .done label { color: var(--muted); text-decoration: line-through; }
    #items .remove { border: 0; background: none; border-radius: 7px; min-height: 2.1rem; color: var(--muted); cursor: pointer; font-size: 1.1rem; line-height: 1; }
    #items .remove:hover { color: var(--bad); background: var(--bad-bg); }
    #items .fresh { animation: fresh 1.6s ease-out; }
    @keyframes fresh { from { background: color-mix(in srgb, var(--accent) 22%, transparent); } }
  `);
  document.adoptedStyleSheets.push(sheet);
}
