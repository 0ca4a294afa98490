// Unpacks the browser into the folder that is named, with what it needs beside: `chromium`, `lib` and `fonts.conf`.
// The package's own way of doing so writes to fixed places of the whole machine, and leaves the libraries to one cloud.
import { createReadStream, createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";
import { extract } from "tar-fs";

const folder = resolve(process.argv[2]);
const packed = new URL("node_modules/@sparticuz/chromium/bin/", import.meta.url).pathname;

async function unpack(name, target) {
  await pipeline(createReadStream(join(packed, name)), createBrotliDecompress(), target);
}

mkdirSync(folder, { recursive: true });
await unpack("al2023.tar.br", extract(folder));
await unpack("fonts.tar.br", extract(folder));
await unpack("chromium.br", createWriteStream(join(folder, "chromium"), { mode: 0o755 }));
// Beside the fonts, wherever the folder is moved to.
writeFileSync(
  join(folder, "fonts.conf"),
  `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir></fontconfig>
`,
);
