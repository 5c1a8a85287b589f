// Pictures of pages, and how far two of them are apart.
const BLOCK_PX = 16;
const LIGHTER = 20; // of 255: how much lighter or darker a block has to be to be another one

/** Widths of a text in the fonts of the console: the same where the fonts are. */
export async function fontsOf(page) {
  return page.evaluate(() => {
    const context = document.createElement("canvas").getContext("2d");
    const widthOf = (font) => {
      context.font = font;
      return Math.round(context.measureText("The quick brown fox jumps over 0123456789 lazy dogs").width * 10) / 10;
    };
    return Object.fromEntries(["14px system-ui", "bold 14px system-ui", "13px ui-monospace, monospace"].map((font) => [font, widthOf(font)]));
  });
}
/**
 * The share of blocks of 16 by 16 pixels that are lighter or darker in one than in the other, from 0 to 1; 1 where their sizes
 * differ. What changes from one second to the next, such as an age, is a block or two; a layout that broke is a tenth and more.
 * `down`: the second one is compared so many pixels lower.
 */
export async function apart(page, one, other, down = 0) {
  const urls = [one, other].map((bytes) => `data:image/png;base64,${bytes.toString("base64")}`);
  return page.evaluate(
    async ([urls, block, lighter, down]) => {
      const pixelsOf = async (url, lower) => {
        const image = new Image();
        image.src = url;
        await image.decode();
        const context = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height }).getContext("2d");
        context.drawImage(image, 0, lower);
        return context.getImageData(0, 0, image.width, image.height);
      };
      const [a, b] = [await pixelsOf(urls[0], 0), await pixelsOf(urls[1], down)];
      if (a.width !== b.width || a.height !== b.height) return 1;
      const lightOf = ({ data, width, height }, left, top) => {
        let sum = 0;
        let count = 0;
        for (let y = top; y < Math.min(top + block, height); y += 1)
          for (let x = left; x < Math.min(left + block, width); x += 1) {
            const at = 4 * (y * width + x);
            sum += 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
            count += 1;
          }
        return sum / count;
      };
      let all = 0;
      let others = 0;
      for (let top = 0; top < a.height; top += block)
        for (let left = 0; left < a.width; left += block) {
          all += 1;
          if (Math.abs(lightOf(a, left, top) - lightOf(b, left, top)) > lighter) others += 1;
        }
      return others / all;
    },
    [urls, BLOCK_PX, LIGHTER, down],
  );
}
