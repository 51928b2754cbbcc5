// One image at a time, three questions about each; the browser keeps the answers until they are saved.

const data = JSON.parse(byId("data").textContent);
const { images } = data;
const sheets = new Sheets("panel", data);
const form = byId("questions");
const RATINGS = { winged: ["not at all", "clearly"], real: ["not at all", "like a photograph"] };
const HIGHEST = 10;
const storageKey = `coursework-panel-${data.fingerprint}`;

let session = restored() ?? begun();
let position = 0;
// The rating that was given the digit 1 by the key before this one: a 0 makes it 10.
let typedOne = null;

function begun() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return { person: [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""), answers: {} };
}

/** Return the session that the browser kept, or null. */
function restored() {
  try {
    const { person, answers } = JSON.parse(localStorage.getItem(storageKey));
    if (!/^[0-9a-f]{32}$/.test(person)) return null;
    const rating = (value) => (Number.isInteger(value) && value >= 0 && value <= HIGHEST ? value : null);
    const read = ({ name, winged, real }) => ({ name: String(name), winged: rating(winged), real: rating(real) });
    return { person, answers: Object.fromEntries(Object.entries(answers).map(([id, each]) => [id, read(each)])) };
  } catch {
    return null;
  }
}

function keep() {
  try {
    localStorage.setItem(storageKey, JSON.stringify(session));
  } catch {
    // Answers last as long as the page then.
  }
}

const answerOf = (index) => session.answers[images[index]] ?? { name: "", winged: null, real: null };
const missing = (index) => Object.keys(RATINGS).find((name) => answerOf(index)[name] === null);

/** Return the number of images rated from the first on: nobody passes an image without rating it. */
function rated() {
  const open = images.findIndex((_, index) => missing(index));
  return open < 0 ? images.length : open;
}

function answer(changes) {
  session.answers[images[position]] = { ...answerOf(position), ...changes };
  keep();
  report();
}

function report() {
  byId("progress").max = images.length;
  byId("progress").value = rated();
  const last = position === images.length;
  byId("place").textContent = last ? `${images.length} images rated` : `Image ${position + 1} of ${images.length}`;
  byId("save").disabled = rated() === 0;
}

/** Show the image at an index, or the end after the last one, and move the focus to what comes next there. */
function show(index) {
  position = index;
  typedOne = null;
  const last = index === images.length;
  form.hidden = last;
  byId("done").hidden = !last;
  byId("save").className = last ? "primary" : "";
  byId("hint").textContent = byId("saved").textContent = "";
  report();
  if (last) {
    byId("save").focus();
    return;
  }
  sheets.draw(byId("image"), index);
  const given = answerOf(index);
  byId("name").value = given.name;
  for (const name in RATINGS) {
    for (const radio of form.elements[name]) radio.checked = Number(radio.value) === given[name];
  }
  form.querySelector(".back").disabled = index === 0;
  window.scrollTo(0, 0);
  // On a phone the focus would open the keyboard over the image.
  if (!matchMedia("(pointer: coarse)").matches) focusOn(missing(index) ? "name" : "real");
}

function focusOn(name) {
  const field = form.elements[name];
  if (name === "name") field.focus();
  else ([...field].find((radio) => radio.checked) ?? field[0]).focus();
}

function step(by) {
  const index = position + by;
  if (index >= 0 && index <= rated()) show(index);
}

/** Go on from a question to the next one, from the last one to the next image. */
function goOn(name) {
  if (name === "name") focusOn("winged");
  else if (name === "winged" && answerOf(position).winged !== null) focusOn("real");
  else finish();
}

/** Go to the next image, or to the rating that this one lacks. */
function finish() {
  const open = missing(position);
  byId("hint").textContent = open ? "Choose a number from 0 to 10." : "";
  if (open) focusOn(open);
  else show(position + 1);
}

function typed(name, digit) {
  const value = digit === 0 && typedOne === name ? HIGHEST : digit;
  const radio = form.elements[name][value];
  radio.checked = true;
  radio.focus();
  answer({ [name]: value });
  typedOne = value === 1 ? name : null;
}

function pressed(event) {
  const { name, value } = event.target;
  if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  const arrow = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === "Enter" && (name in RATINGS || name === "name")) goOn(name);
  else if (name in RATINGS && /^[0-9]$/.test(event.key)) typed(name, Number(event.key));
  // In a text the arrows move the caret.
  else if (arrow && (name !== "name" || !value)) step(arrow);
  else return;
  event.preventDefault();
}

function save() {
  const done = images.filter((_, index) => !missing(index));
  const answers = done.map((id) => ({ image: id, ...session.answers[id], name: session.answers[id].name.trim() }));
  const content = { version: 1, panel: data.fingerprint, person: session.person, answers };
  const text = JSON.stringify(content, null, 1) + "\n";
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const file = `panel-answers-${session.person.slice(0, 8)}.json`;
  element("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  byId("saved").textContent = `${plural(answers.length, "answer")} saved as ${file}.`;
}

function restart() {
  if (!confirm("Forget these answers, so that the next person begins? Save them first.")) return;
  session = begun();
  keep();
  show(0);
}

function scale(name, [lowest, highest]) {
  const choices = Array.from({ length: HIGHEST + 1 }, (_, value) =>
    element("label", {}, element("input", { type: "radio", name, value }), element("span", {}, String(value))),
  );
  const ends = element("div", { className: "ends" }, element("span", {}, `0: ${lowest}`), `${HIGHEST}: ${highest}`);
  byId(`${name}-question`).append(element("div", { className: "scale" }, ...choices), ends);
}

async function start() {
  for (const name in RATINGS) scale(name, RATINGS[name]);
  await sheets.load(() => {});
  document.addEventListener("keydown", pressed);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    finish();
  });
  form.addEventListener("change", ({ target }) => {
    typedOne = null;
    if (target.name in RATINGS) answer({ [target.name]: Number(target.value) });
  });
  byId("name").addEventListener("input", (event) => answer({ name: event.target.value }));
  for (const button of document.querySelectorAll(".back")) button.addEventListener("click", () => step(-1));
  byId("save").addEventListener("click", save);
  byId("restart").addEventListener("click", restart);
  show(rated());
  document.documentElement.setAttribute("data-ready", "");
}

start();
