// The grid of candidates. Only rows near the window exist, so that ten thousand candidates are as quick as fifty.

const GAP = 8;
const CAPTION = 24;
const SPARE_ROWS = 3;
// Images are shown this many times larger, or somewhat more where a row would be left unfilled.
const SCALES = { small: 2, medium: 3, large: 5 };

/**
 * A grid of tiles in the flow of the page.
 *
 * tile: {width, height} of an image in pixels. fill(button, index) draws candidate `index`; open(position) and
 * mark(position) are called for a place in the present order.
 */
class Grid {
  constructor(container, tile, { fill, open, mark }) {
    Object.assign(this, { container, tile, fill, open, mark });
    this.items = [];
    this.active = 0;
    this.rows = new Map();
    this.scheduled = false;
    addEventListener("scroll", () => this.schedule(), { passive: true });
    addEventListener("resize", () => this.schedule());
    new ResizeObserver(() => container.clientWidth !== this.available && this.layout()).observe(container);
    container.addEventListener("click", (event) => this.clicked(event));
    container.addEventListener("keydown", (event) => this.pressed(event));
  }

  /** Show the candidates of these indices in this order and size; the active one stays so where it is among them. */
  show(items, size) {
    const before = this.items[this.active];
    this.items = items;
    this.scale = SCALES[size];
    this.active = Math.max(0, items.indexOf(before));
    this.layout();
  }

  /** Choose columns and sizes for the present width, and build the rows anew. */
  layout() {
    const available = this.container.clientWidth;
    this.available = available;
    if (!available) return;
    const target = Math.min(Math.max(this.tile.width, 32) * this.scale, available);
    this.columns = Math.max(1, Math.floor((available + GAP) / (target + GAP)));
    const fitting = (available - (this.columns - 1) * GAP) / this.columns;
    // Whole device pixels for a pixel of the image, or some of them would look larger than others.
    const step = this.tile.width / devicePixelRatio;
    this.width = fitting >= step ? Math.floor(fitting / step) * step : fitting;
    this.height = (this.width * this.tile.height) / this.tile.width;
    const free = this.columns > 1 ? (available - this.columns * this.width) / (this.columns - 1) : GAP;
    this.gap = Math.min(free, 3 * GAP);
    this.pitch = this.height + CAPTION + GAP;
    this.rowCount = Math.ceil(this.items.length / this.columns);
    this.container.style.height = `${this.rowCount * this.pitch}px`;
    this.container.style.setProperty("--tile-width", `${this.width}px`);
    this.container.style.setProperty("--tile-height", `${this.height}px`);
    this.container.style.setProperty("--tile-gap", `${this.gap}px`);
    this.container.setAttribute("aria-rowcount", this.rowCount);
    this.container.setAttribute("aria-colcount", this.columns);
    const focused = this.container.contains(document.activeElement);
    this.container.replaceChildren();
    this.rows.clear();
    this.render();
    if (focused) this.button(this.active)?.focus({ preventScroll: true });
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.render();
    });
  }

  /** Add the rows that came near the window, drop those that left it; the active one stays, for it may have focus. */
  render() {
    if (!this.columns) return;
    const top = -this.container.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / this.pitch) - SPARE_ROWS);
    const last = Math.min(this.rowCount - 1, Math.ceil((top + innerHeight) / this.pitch) + SPARE_ROWS);
    const wanted = new Set(this.items.length ? [this.rowOf(this.active)] : []);
    for (let number = first; number <= last; number += 1) wanted.add(number);
    for (const [number, row] of this.rows) {
      if (wanted.has(number)) continue;
      row.remove();
      this.rows.delete(number);
    }
    for (const number of wanted) if (!this.rows.has(number)) this.addRow(number);
  }

  addRow(number) {
    const row = element("div", { className: "row", role: "row" });
    row.setAttribute("aria-rowindex", number + 1);
    row.style.transform = `translateY(${number * this.pitch}px)`;
    const end = Math.min(this.items.length, (number + 1) * this.columns);
    for (let position = number * this.columns; position < end; position += 1) {
      const button = element("button", { type: "button", className: "tile" });
      button.dataset.position = position;
      button.tabIndex = position === this.active ? 0 : -1;
      this.fill(button, this.items[position]);
      const cell = element("div", { role: "gridcell" }, button);
      cell.setAttribute("aria-colindex", (position % this.columns) + 1);
      row.append(cell);
    }
    // Rows stand in the page in their order, for those who read it in that order.
    const after = [...this.rows.keys()].filter((other) => other > number);
    this.container.insertBefore(row, after.length ? this.rows.get(Math.min(...after)) : null);
    this.rows.set(number, row);
  }

  rowOf(position) {
    return Math.floor(position / this.columns);
  }

  button(position) {
    return this.container.querySelector(`[data-position="${position}"]`);
  }

  /** Draw the tiles that exist again: their pictures or marks have changed. */
  refresh() {
    for (const button of this.container.querySelectorAll(".tile")) {
      this.fill(button, this.items[Number(button.dataset.position)]);
    }
  }

  /** Make `position` the active tile, without moving focus. */
  activate(position) {
    const old = this.button(this.active);
    if (old) old.tabIndex = -1;
    this.active = Math.min(Math.max(position, 0), this.items.length - 1);
    this.render();
    this.button(this.active).tabIndex = 0;
  }

  focus(position) {
    this.activate(position);
    const button = this.button(this.active);
    button.focus({ preventScroll: true });
    button.scrollIntoView({ block: "nearest" });
  }

  clicked(event) {
    const button = event.target.closest(".tile");
    if (!button) return;
    const position = Number(button.dataset.position);
    this.activate(position);
    this.open(position);
  }

  pressed(event) {
    if (event.altKey || event.metaKey || !this.items.length) return;
    const page = Math.max(1, Math.floor(innerHeight / this.pitch) - 1) * this.columns;
    const start = this.rowOf(this.active) * this.columns;
    const end = this.items.length - 1;
    const targets = {
      ArrowLeft: this.active - 1,
      ArrowRight: this.active + 1,
      ArrowUp: this.active < this.columns ? this.active : this.active - this.columns,
      ArrowDown: this.rowOf(this.active) === this.rowCount - 1 ? this.active : this.active + this.columns,
      PageUp: this.active - page,
      PageDown: this.active + page,
      Home: event.ctrlKey ? 0 : start,
      End: event.ctrlKey ? end : start + this.columns - 1,
    };
    if (event.key in targets) this.focus(targets[event.key]);
    else if (event.key.toLowerCase() === "f" && !event.ctrlKey) this.mark(this.active);
    else return;
    event.preventDefault();
  }
}
