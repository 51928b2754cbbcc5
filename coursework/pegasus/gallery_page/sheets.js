// Pictures out of sheets that hold thousands of them.

/** Many pictures of `width` by `height` pixels on square sheets, `perSheet` on each, row by row. */
class Sheets {
  constructor(kind, { width, height, perSheet }) {
    Object.assign(this, { width, height, perSheet, decoded: [] });
    this.elements = [...document.querySelectorAll(`img[data-kind="${kind}"]`)];
  }

  /** Decode all sheets; `arrived` is called after each. */
  async load(arrived) {
    await Promise.all(
      this.elements.map(async (image, number) => {
        await image.decode();
        // A bitmap stays decoded, while the browser may drop the pixels of an image that is not shown.
        this.decoded[number] = await createImageBitmap(image);
        arrived();
      }),
    );
  }

  /** Draw picture `index` on a canvas, which gets its size; nothing while its sheet is not decoded. */
  draw(canvas, index) {
    const number = Math.floor(index / this.perSheet);
    if (canvas.width !== this.width) canvas.width = this.width;
    if (canvas.height !== this.height) canvas.height = this.height;
    const sheet = this.decoded[number];
    if (!sheet) return;
    const place = index % this.perSheet;
    const columns = sheet.width / this.width;
    const [x, y] = [(place % columns) * this.width, Math.floor(place / columns) * this.height];
    canvas.getContext("2d").drawImage(sheet, x, y, this.width, this.height, 0, 0, this.width, this.height);
  }
}
