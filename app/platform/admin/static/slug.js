// Shows, while a title is typed, the slug that will be made of it: as app/kit/slug.py makes it.
"use strict";

const LONGEST = 91; // characters: a hundred, without the suffix of a slug that is taken

function slugOf(title) {
  const text = title.normalize("NFKC").toLowerCase().replace(/['’\uFE00-\uFE0F]/gu, "");
  const words = text.replace(/(?<!\p{L}\p{M}*)\p{M}/gu, "").replace(/[^\p{L}\p{N}\p{M}]/gu, " ").trim().split(/\s+/u);
  return [...words.join("-")].slice(0, LONGEST).join("").replace(/-+$/u, "");
}

for (const output of document.querySelectorAll("output[data-slug-of]")) {
  const input = document.getElementById(output.htmlFor.value);
  input.addEventListener("input", () => { output.value = slugOf(input.value); });
}
