// From records to what a person reads. Text goes into the page by textContent alone, never as markup.

const byId = (id) => document.getElementById(id);

/** Return a new element of `kind` with `properties` and `children`, elements or texts. */
function element(kind, properties = {}, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
}

const words = (name) => String(name).replaceAll("_", " ");
const capitalised = (name) => words(name).replace(/^./u, (letter) => letter.toUpperCase());
const whole = (number) => Number(number).toLocaleString("en");
const isNumber = (value) => typeof value === "number";
const score = (value, digits) => (isNumber(value) ? value.toFixed(digits) : "–");

/** Count in words: plural(1, "run") is "1 run". */
const plural = (count, name) => `${whole(count)} ${count === 1 ? name : name + "s"}`;

/** Return any JSON value as short text: {class: "horse", share: 0.5} is "class horse, share 0.5". */
function readable(value) {
  if (value === null) return "none";
  if (isNumber(value)) return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  if (Array.isArray(value)) {
    const shown = value.slice(0, 16).map(readable).join(value.some((part) => typeof part === "object") ? "; " : ", ");
    return value.length > 16 ? `${shown} … (${whole(value.length)} in all)` : shown || "none";
  }
  if (typeof value === "object") {
    return Object.entries(value).map(([name, part]) => `${words(name)} ${readable(part)}`).join(", ");
  }
  return String(value);
}

/** Return the training images that a record's origin names, at any depth, each once. */
function trainIndices(value, found = new Set()) {
  if (value !== null && typeof value === "object") {
    for (const [name, part] of Object.entries(value)) {
      if (name === "train_index" && isNumber(part)) found.add(part);
      else trainIndices(part, found);
    }
  }
  return found;
}

/** Return the names of the scores under `key` of any candidate, in the order of their first appearance. */
function scoreNames(candidates, key) {
  const names = new Set();
  for (const candidate of candidates) for (const name of Object.keys(candidate[key] ?? {})) names.add(name);
  return [...names];
}
