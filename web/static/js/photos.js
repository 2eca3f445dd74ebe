// Photographs that are sent: made small enough for the bound of the form.

const SMALLER = [[2600, 0.85], [2200, 0.8], [1800, 0.75], [1400, 0.7]];

// Cameras make pictures of several megabytes; what a reader needs of a paper fits into the bound.
/** The file itself, or a smaller picture of it as JPEG; `most` in bytes. Not smaller where it can't be read. */
export async function fitting(file, most) {
  if (file.size <= most || !file.type.startsWith("image/")) return file;
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return file;
  }
  for (const [side, quality] of SMALLER) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * scale);
    canvas.height = Math.round(picture.height * scale);
    const paper = canvas.getContext("2d");
    paper.fillStyle = "white";
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const made = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    if (made && made.size <= most) return new File([made], "photo.jpg", { type: "image/jpeg" });
  }
  return file;
}

// In forms that are sent as a whole: the smaller picture takes the place of the chosen one.
for (const input of document.querySelectorAll("input[type=file][data-most]")) {
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    const buttons = input.form.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    const made = await fitting(file, Number(input.dataset.most));
    if (made !== file && input.files[0] === file) {
      const taken = new DataTransfer();
      taken.items.add(made);
      input.files = taken.files;
    }
    for (const button of buttons) button.disabled = false;
  });
}
