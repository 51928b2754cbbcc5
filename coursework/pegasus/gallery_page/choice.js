// The dialog that saves the choice: one of the favourites, as a small JSON file.

/** candidates: records; candidateSheets: `Sheets`; favourites(): indices in the order of their marking. */
class ChoiceDialog {
  constructor({ candidates, candidateSheets, fingerprint, favourites }) {
    Object.assign(this, { candidates, candidateSheets, fingerprint, favourites });
    this.dialog = byId("choice");
    byId("choice-close").addEventListener("click", () => this.dialog.close());
    byId("download").addEventListener("click", () => this.download());
    byId("copy").addEventListener("click", () => this.copy());
    byId("options").addEventListener("change", (event) => this.select(Number(event.target.value)));
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
  }

  /** Open with the favourites to choose from; `index`, a candidate or null, is offered too, and selected. */
  open(index = null) {
    const favourites = this.favourites();
    const offered = index === null || favourites.includes(index) ? favourites : [index, ...favourites];
    byId("choice-none").hidden = offered.length > 0;
    byId("choice-some").hidden = offered.length === 0;
    const selected = index ?? offered.at(-1);
    byId("options").replaceChildren(...offered.map((each) => this.option(each, each === selected)));
    if (offered.length) this.select(selected);
    this.dialog.showModal();
    byId("choice-title").focus();
  }

  option(index, checked) {
    const canvas = element("canvas");
    this.candidateSheets.draw(canvas, index);
    const radio = element("input", { type: "radio", name: "choice", value: index, checked });
    const candidate = this.candidates[index];
    const overall = isNumber(candidate.scores?.overall) ? `overall ${score(candidate.scores.overall, 2)}` : "";
    return element("label", {}, radio, canvas, element("span", {}, candidate.id), element("small", {}, overall));
  }

  select(index) {
    const choice = { version: 1, gallery: this.fingerprint, id: this.candidates[index].id };
    byId("choice-text").value = JSON.stringify(choice, null, 1);
    byId("copied").textContent = "";
  }

  download() {
    const url = URL.createObjectURL(new Blob([byId("choice-text").value], { type: "application/json" }));
    element("a", { href: url, download: "choice.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  async copy() {
    const text = byId("choice-text");
    try {
      await navigator.clipboard.writeText(text.value);
      byId("copied").textContent = "Copied.";
    } catch {
      // Some browsers give pages from a file no clipboard.
      text.focus();
      text.select();
      byId("copied").textContent = "Selected: copy with Ctrl+C.";
    }
  }
}
