// The dialog that shows one candidate: enlarged, beside its nearest training images, with all that is known of it.

/**
 * candidates, names: records, and names of their scores. candidateSheets, trainingSheets: `Sheets`; training: the
 * training images' numbers in their order there. collageSheets: the collages nearest to candidates; collages: these
 * candidates' indices in their order there. isFavourite, mark and choose take the index of a candidate.
 */
class CandidateDialog {
  constructor({ training, collages, choose, closed, ...given }) {
    Object.assign(this, given);
    const { candidates } = given;
    this.places = new Map(training.map((index, place) => [index, place]));
    this.collagePlaces = new Map(collages.map((index, place) => [index, place]));
    this.hasSecond = candidates.some((candidate) => candidate.second);
    this.dialog = byId("candidate");
    byId("previous").addEventListener("click", () => this.step(-1));
    byId("next").addEventListener("click", () => this.step(1));
    byId("close").addEventListener("click", () => this.dialog.close());
    byId("mark").addEventListener("click", () => this.toggle());
    byId("choose-this").addEventListener("click", () => choose(this.index));
    this.dialog.addEventListener("close", () => closed(this.position));
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.dialog.addEventListener("keydown", (event) => this.pressed(event));
  }

  get index() {
    return this.items[this.position];
  }

  /** Open at a position in the order of the grid. */
  open(items, position) {
    this.items = items;
    this.position = position;
    this.fill();
    this.dialog.showModal();
    byId("candidate-name").focus();
  }

  step(by) {
    const position = this.position + by;
    if (position < 0 || position >= this.items.length) return;
    this.position = position;
    this.fill();
    this.dialog.scrollTop = 0;
  }

  toggle() {
    this.mark(this.index);
    this.fillMark();
  }

  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") this.step(-1);
    else if (event.key === "ArrowRight") this.step(1);
    else if (event.key.toLowerCase() === "f") this.toggle();
    else return;
    event.preventDefault();
  }

  fill() {
    const candidate = this.candidates[this.index];
    byId("candidate-name").textContent = candidate.id;
    byId("candidate-place").textContent = `${whole(this.position + 1)} of ${whole(this.items.length)}`;
    byId("previous").setAttribute("aria-disabled", this.position === 0);
    byId("next").setAttribute("aria-disabled", this.position === this.items.length - 1);
    const canvas = byId("enlarged");
    canvas.setAttribute("aria-label", `Candidate ${candidate.id}, enlarged`);
    this.candidateSheets.draw(canvas, this.index);
    this.fillMark();
    this.fillNeighbours(candidate.neighbours ?? []);
    if (candidate.collage) byId("neighbours").append(this.collageFigure(candidate.collage));
    this.fillScores(candidate);
    this.fillOrigin(candidate);
  }

  fillMark() {
    const favourite = this.isFavourite(this.index);
    byId("mark").setAttribute("aria-pressed", favourite);
    byId("mark").textContent = favourite ? "★ Favourite" : "☆ Favourite";
  }

  fillNeighbours(neighbours) {
    byId("neighbours").replaceChildren(
      ...neighbours.map((neighbour) =>
        this.trainingFigure(
          neighbour.train_index,
          element("strong", {}, `In ${words(neighbour.space)}`),
          `distance ${readable(neighbour.distance)}`,
        ),
      ),
    );
    if (!neighbours.length) byId("neighbours").append(element("p", {}, "Not searched for."));
  }

  /** Return a training image with its caption; an empty frame where the page does not hold it. */
  trainingFigure(index, ...lines) {
    const place = this.places.get(index);
    const picture = element(place === undefined ? "div" : "canvas", { className: "training", role: "img" });
    picture.setAttribute("aria-label", `Training image ${index}${place === undefined ? ", not in this page" : ""}`);
    if (place !== undefined) this.trainingSheets.draw(picture, place);
    const caption = [...lines, `training image ${index}`].map((line) => element("span", {}, line));
    return element("figure", {}, picture, element("figcaption", {}, ...caption));
  }

  /** Return the nearest collage with its caption. */
  collageFigure({ file, distance }) {
    const place = this.collagePlaces.get(this.index);
    const picture = element(place === undefined ? "div" : "canvas", { className: "training", role: "img" });
    picture.setAttribute("aria-label", `Collage ${readable(file)}`);
    if (place !== undefined) this.collageSheets.draw(picture, place);
    const lines = ["In collages", `distance ${readable(distance)}`, readable(file)];
    const caption = lines.map((line, number) => element(number ? "span" : "strong", {}, line));
    return element("figure", {}, picture, element("figcaption", {}, ...caption));
  }

  fillScores(candidate) {
    const heading = (text, scope) => element("th", { scope }, text);
    const head = element("tr", {}, heading("", "col"), heading("Searching witness", "col"));
    if (this.hasSecond) head.append(heading("Second witness", "col"));
    const rows = this.names.map((name) => {
      const row = element("tr", {}, heading(capitalised(name), "row"), this.measured(candidate.scores?.[name]));
      if (this.hasSecond) row.append(this.measured(candidate.second?.[name]));
      return row;
    });
    const belief = Object.entries(candidate.belief ?? {}).map(([name, value]) => {
      const row = element("tr", { className: "belief" });
      row.append(heading(`Belief: ${words(name)}`, "row"), this.measured(value));
      if (this.hasSecond) row.append(element("td"));
      return row;
    });
    byId("scores").replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows, ...belief));
  }

  /** Return a table cell with a score between 0 and 1 and its bar. */
  measured(value) {
    const bar = element("span", { className: "bar" }, element("span"));
    bar.setAttribute("aria-hidden", "true");
    bar.firstChild.style.width = `${100 * Math.min(1, Math.max(0, isNumber(value) ? value : 0))}%`;
    return element("td", {}, element("span", { className: "value" }, score(value, 3)), bar);
  }

  fillOrigin(candidate) {
    const own = {
      strategy: words(candidate.strategy),
      run: candidate.run,
      seed: candidate.seed,
      index: candidate.index,
      rank: candidate.rank === null ? "not in the chosen batch" : candidate.rank,
    };
    const origin = candidate.origin ?? {};
    const parts = typeof origin === "object" && !Array.isArray(origin) ? origin : { origin };
    const more = Object.entries(parts).filter(([name]) => !(name in own));
    const lines = [...Object.entries(own), ...more].flatMap(([name, value]) => [
      element("dt", {}, capitalised(name)),
      this.described(value),
    ]);
    byId("origin").replaceChildren(...lines);
  }

  /** Return a <dd> with a part of the origin, and the training images that it names. */
  described(value) {
    const line = element("dd", {}, readable(value));
    for (const index of trainIndices(value)) {
      const place = this.places.get(index);
      if (place === undefined) continue;
      const picture = element("canvas", { className: "source", role: "img" });
      picture.setAttribute("aria-label", `Training image ${index}`);
      this.trainingSheets.draw(picture, place);
      line.append(picture);
    }
    return line;
  }
}
