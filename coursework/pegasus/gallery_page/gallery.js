// The page: what is sorted, filtered and marked, and who is told of it.

const data = JSON.parse(byId("data").textContent);
const { candidates } = data;
const tile = { width: data.width, height: data.height };
const candidateSheets = new Sheets("candidates", data);
const trainingSheets = new Sheets("training", data);
const collageSheets = new Sheets("collages", data);

const DEFAULTS = { sort: "rank", reverse: "", strategy: "", run: "", chosen: "", favourites: "", size: "medium" };
const state = { ...DEFAULTS };

// Favourites: indices in the order of their marking, kept by the browser where it lets a file keep anything.
const indexOf = new Map(candidates.map((candidate, index) => [candidate.id, index]));
const storageKey = `coursework-gallery-${data.fingerprint}`;
const favourites = new Set(stored().map((id) => indexOf.get(id)).filter((index) => index !== undefined));

function stored() {
  try {
    const ids = JSON.parse(localStorage.getItem(storageKey));
    return Array.isArray(ids) ? ids : [];
  } catch {
    return [];
  }
}

function mark(index) {
  if (!favourites.delete(index)) favourites.add(index);
  try {
    localStorage.setItem(storageKey, JSON.stringify([...favourites].map((each) => candidates[each].id)));
  } catch {
    // They last as long as the page then.
  }
  grid.refresh();
  countFavourites();
}

// Sorting: by rank, or by a score of one of the witnesses; a sort is written "scores.realism".
const names = [...new Set([...scoreNames(candidates, "scores"), ...scoreNames(candidates, "second")])];
const witnesses = { scores: "Searching witness", second: "Second witness" };

function sortedBy(index) {
  const [key, name] = split(state.sort);
  return candidates[index][key]?.[name];
}

function split(sort) {
  if (sort === "rank") return ["scores", "overall"];
  const dot = sort.indexOf(".");
  return [sort.slice(0, dot), sort.slice(dot + 1)];
}

/** Return indices with the better candidates first, or last; those without a value stand last either way. */
function sorted(indices) {
  const sign = state.reverse ? -1 : 1;
  const keys = new Map(
    indices.map((index) => [index, [state.sort === "rank" ? candidates[index].rank ?? Infinity : 0, sortedBy(index)]]),
  );
  return indices.sort((first, second) => {
    const [[rank, a], [otherRank, b]] = [keys.get(first), keys.get(second)];
    if (rank !== otherRank) return sign * (rank < otherRank ? -1 : 1);
    if (!isNumber(a) || !isNumber(b)) return isNumber(b) - isNumber(a) || first - second;
    return sign * (b - a) || first - second;
  });
}

// Filters: each tells whether a candidate passes; the counts beside an option are those under all other filters.
const filters = {
  strategy: (index) => !state.strategy || candidates[index].strategy === state.strategy,
  run: (index) => !state.run || candidates[index].run === state.run,
  chosen: (index) => !state.chosen || candidates[index].rank !== null,
  favourites: (index) => !state.favourites || favourites.has(index),
};

function passing(except) {
  const used = Object.entries(filters).filter(([name]) => name !== except).map(([, passes]) => passes);
  return candidates.map((_, index) => index).filter((index) => used.every((passes) => passes(index)));
}

function fillFilter(name, all) {
  const counts = new Map(candidates.map((candidate) => [candidate[name], 0]));
  const under = passing(name);
  for (const index of under) counts.set(candidates[index][name], counts.get(candidates[index][name]) + 1);
  const options = [...counts].map(([value, count]) => {
    const label = name === "strategy" ? words(value) : value;
    return element("option", { value }, `${label} (${whole(count)})`);
  });
  byId(name).replaceChildren(element("option", { value: "" }, `${all} (${whole(under.length)})`), ...options);
  byId(name).value = state[name];
}

function countFavourites() {
  const count = passing("favourites").filter((index) => favourites.has(index)).length;
  byId("favourites-label").textContent = `Favourites only (${whole(count)})`;
  byId("favourite-count").textContent = favourites.size ? ` ★ ${whole(favourites.size)}` : "";
}

/** Show what the state says: the controls, their counts, and the grid. */
function update() {
  fillFilter("strategy", "all");
  fillFilter("run", "all");
  byId("sort").value = state.sort;
  byId("size").value = state.size;
  byId("chosen").checked = Boolean(state.chosen);
  byId("favourites").checked = Boolean(state.favourites);
  byId("reverse").setAttribute("aria-pressed", Boolean(state.reverse));
  byId("reverse").textContent = state.reverse ? "↑ Worst first" : "↓ Best first";
  const ranked = passing("chosen").filter((index) => candidates[index].rank !== null).length;
  byId("chosen-label").textContent = `Chosen only (${whole(ranked)})`;
  countFavourites();
  const items = sorted(passing());
  grid.show(items, state.size);
  byId("empty").hidden = items.length > 0;
  byId("status").textContent =
    items.length === candidates.length
      ? `All ${plural(items.length, "candidate")}`
      : `${whole(items.length)} of ${plural(candidates.length, "candidate")}`;
}

// The address keeps the state, so that a view can be sent or come back to.
function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(DEFAULTS)) state[name] = given.get(name) ?? value;
  for (const [name, select] of [["sort", byId("sort")], ["size", byId("size")]]) {
    if (![...select.options].some((option) => option.value === state[name])) state[name] = DEFAULTS[name];
  }
  for (const name of ["strategy", "run"]) {
    if (!candidates.some((candidate) => candidate[name] === state[name])) state[name] = "";
  }
}

function change(values) {
  Object.assign(state, values);
  const kept = Object.entries(state).filter(([name, value]) => value !== DEFAULTS[name]);
  try {
    history.replaceState(null, "", `#${new URLSearchParams(kept)}`);
  } catch {
    // An address that cannot be changed keeps nothing; all else works.
  }
  update();
}

function fillTile(button, index) {
  const candidate = candidates[index];
  const favourite = favourites.has(index);
  const value = sortedBy(index);
  const [key, name] = split(state.sort);
  const canvas = button.querySelector("canvas") ?? element("canvas");
  candidateSheets.draw(canvas, index);
  const caption = element("span", { className: "caption" }, element("span", {}, score(value, 2)));
  if (candidate.rank !== null) caption.append(element("span", { className: "rank" }, `#${candidate.rank}`));
  const star = favourite ? [element("span", { className: "star" }, "★")] : [];
  button.replaceChildren(canvas, ...star, caption);
  const spoken = [
    `${words(candidate.strategy)}, ${candidate.run}, seed ${candidate.seed}, image ${candidate.index}`,
    `${words(name)} ${score(value, 2)}${key === "second" ? " by the second witness" : ""}`,
    ...(candidate.rank === null ? [] : [`rank ${candidate.rank}`]),
    ...(favourite ? ["favourite"] : []),
  ];
  button.setAttribute("aria-label", spoken.join("; "));
}

const grid = new Grid(byId("grid"), tile, {
  fill: fillTile,
  open: (position) => candidateDialog.open(grid.items, position),
  mark: (position) => mark(grid.items[position]),
});
const choiceDialog = new ChoiceDialog({
  candidates,
  candidateSheets,
  fingerprint: data.fingerprint,
  favourites: () => [...favourites],
});
const candidateDialog = new CandidateDialog({
  candidates,
  names,
  candidateSheets,
  trainingSheets,
  training: data.training,
  collageSheets,
  collages: data.collages,
  isFavourite: (index) => favourites.has(index),
  mark,
  choose: (index) => choiceDialog.open(index),
  closed: (position) => grid.focus(position),
});

function start() {
  const distinct = (name) => new Set(candidates.map((candidate) => candidate[name])).size;
  const ranked = candidates.filter((candidate) => candidate.rank !== null).length;
  byId("counts").textContent = [
    plural(candidates.length, "candidate"),
    distinct("strategy") === 1 ? "1 strategy" : `${distinct("strategy")} strategies`,
    plural(distinct("run"), "run"),
    `${whole(ranked)} chosen by rule`,
  ].join(" · ");
  byId("note").hidden = !byId("note").textContent;
  byId("fingerprint").textContent = data.fingerprint.slice(0, 16);
  byId("sort").append(element("option", { value: "rank" }, "Rank, then overall"));
  for (const [key, label] of Object.entries(witnesses)) {
    const options = scoreNames(candidates, key).map((name) =>
      element("option", { value: `${key}.${name}` }, capitalised(name) + (key === "second" ? " (second)" : "")),
    );
    if (options.length) byId("sort").append(element("optgroup", { label }, ...options));
  }
  for (const name of ["sort", "strategy", "run", "size"]) {
    byId(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
  }
  for (const name of ["chosen", "favourites"]) {
    byId(name).addEventListener("change", (event) => change({ [name]: event.target.checked ? "1" : "" }));
  }
  byId("reverse").addEventListener("click", () => change({ reverse: state.reverse ? "" : "1" }));
  byId("clear").addEventListener("click", () => change({ strategy: "", run: "", chosen: "", favourites: "" }));
  byId("choose").addEventListener("click", () => choiceDialog.open());
  byId("toggle-controls").addEventListener("click", () => {
    const open = byId("bar").classList.toggle("open");
    byId("toggle-controls").setAttribute("aria-expanded", open);
  });
  const barHeight = () => document.documentElement.style.setProperty("--bar", `${byId("bar").offsetHeight}px`);
  new ResizeObserver(barHeight).observe(byId("bar"));
  addEventListener("hashchange", () => {
    readAddress();
    update();
  });
  readAddress();
  update();
  Promise.all([candidateSheets.load(() => grid.refresh()), trainingSheets.load(() => {}), collageSheets.load(() => {})]).then(
    () => document.documentElement.setAttribute("data-ready", ""),
    () => (byId("status").textContent = "The pictures cannot be read: make this page again."),
  );
}

start();
