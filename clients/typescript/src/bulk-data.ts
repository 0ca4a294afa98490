/** The data of a bulk load: read from any place on, and cut into parts between rows. */

/** The bytes or the text of bulk data, cut anywhere. */
export type BulkData = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/**
 * Where bulk data comes from: bytes or text in memory, a Blob (a browser's File, Node's `openAsBlob(path)`), pieces of
 * either, or a function that returns such pieces, for data that has to be made anew to go on.
 *
 * A stream or an iterator can be read once, so that a load of one cannot go on by itself where its connection breaks.
 */
export type BulkSource = Uint8Array | string | Blob | BulkData | (() => BulkData);

/** From where on data is wanted. */
export interface Place {
  /** Bytes at its start that come first in any case. */
  readonly headerBytes: number;
  /** Where it goes on after them, in bytes from its start. */
  readonly nextByte: number;
}

/** How data is cut into parts. */
export interface CutOptions {
  /** Whether each part begins with the first record of the data, and line ends in double quotes end no row. */
  readonly csv: boolean;
  /** How large a part may be, its header among it. */
  readonly partBytes: number;
  /** Where the first row begins that is wanted, in bytes from the start of the data; those before it are passed over. */
  readonly nextByte?: number;
}

const LINE_FEED = 0x0a;
const QUOTE = 0x22;

/** Whether data can be read more than once. */
export function isRepeatable(source: BulkSource): boolean {
  const isWhole = typeof source === "string" || source instanceof Uint8Array || source instanceof Blob;
  return isWhole || typeof source === "function" || Array.isArray(source);
}

/** The bytes of data from a place on. */
export async function* bytesFrom(source: BulkSource, { headerBytes, nextByte }: Place): AsyncGenerator<Uint8Array> {
  if (source instanceof Blob) {
    yield* chunks(source.slice(0, headerBytes));
    yield* chunks(source.slice(Math.max(headerBytes, nextByte)));
    return;
  }
  const encoder = new TextEncoder();
  let position = 0;
  for await (const piece of piecesOf(source)) {
    const bytes = typeof piece === "string" ? encoder.encode(piece) : piece;
    const head = bytes.subarray(0, Math.max(0, headerBytes - position));
    const rest = bytes.subarray(Math.max(0, Math.max(headerBytes, nextByte) - position));
    if (head.length > 0) yield head;
    if (rest.length > 0) yield rest;
    position += bytes.length;
  }
}

/**
 * Cuts data into parts of whole rows, each of at most `partBytes`, in order.
 *
 * A double quote begins or ends a cell in which line feeds end no row (RFC 4180); the service refuses CSV that has one
 * elsewhere.
 *
 * @throws RangeError if a row has no room in a part, which is also what a quote that is never closed comes to.
 */
export async function* cutParts(source: BulkSource, options: CutOptions): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const cutter = new Cutter(options);
  for await (const bytes of bytesFrom(source, { headerBytes: 0, nextByte: 0 })) {
    yield* cutter.take(bytes);
  }
  yield* cutter.finish();
}

class Cutter {
  readonly #csv: boolean;
  readonly #part: Uint8Array<ArrayBuffer>;
  readonly #nextByte: number;
  /** How many bytes wait. */
  #used = 0;
  /** Where the last whole row of them ends. */
  #rowsEnd = 0;
  /** How long the header is that they begin with; undefined while it is not complete. */
  #headerBytes: number | undefined;
  #isQuoted = false;
  /** How many bytes were taken. */
  #position = 0;

  constructor({ csv, partBytes, nextByte = 0 }: CutOptions) {
    this.#csv = csv;
    this.#part = new Uint8Array(partBytes);
    this.#nextByte = nextByte;
    this.#headerBytes = csv ? undefined : 0;
  }

  *take(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
    for (let start = 0; start < bytes.length; ) {
      if (this.#headerBytes !== undefined && this.#position < this.#nextByte) {
        const skipped = Math.min(bytes.length - start, this.#nextByte - this.#position);
        this.#position += skipped;
        start += skipped;
        continue;
      }
      if (this.#used === this.#part.length) {
        yield this.#cut(this.#rowsEnd);
      }
      start += this.#add(bytes.subarray(start, start + this.#part.length - this.#used));
    }
  }

  *finish(): Generator<Uint8Array<ArrayBuffer>> {
    // A header alone, or nothing, is a part too: the service says that it has no rows.
    if (this.#used > (this.#headerBytes ?? 0) || this.#position <= (this.#headerBytes ?? 0)) {
      yield this.#part.slice(0, this.#used);
    }
  }

  /** Takes bytes that have room, or those of them that belong to the header; returns how many. */
  #add(bytes: Uint8Array): number {
    for (let index = 0; index < bytes.length; index += 1) {
      const byte = bytes[index];
      if (byte === QUOTE) {
        this.#isQuoted = this.#csv && !this.#isQuoted;
      } else if (byte === LINE_FEED && !this.#isQuoted) {
        this.#rowsEnd = this.#used + index + 1;
        if (this.#headerBytes === undefined) {
          this.#headerBytes = this.#rowsEnd;
          return this.#append(bytes.subarray(0, index + 1));
        }
      }
    }
    return this.#append(bytes);
  }

  #append(bytes: Uint8Array): number {
    this.#part.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#position += bytes.length;
    return bytes.length;
  }

  #cut(end: number): Uint8Array<ArrayBuffer> {
    const headerBytes = this.#headerBytes;
    if (headerBytes === undefined || end <= headerBytes) {
      const size = this.#part.length;
      throw new RangeError(`the row that begins at byte ${this.#position - this.#used + (headerBytes ?? 0)} has more \
than the ${size} bytes of a part, or a double quote in it is never closed`);
    }
    const part = this.#part.slice(0, end);
    this.#part.copyWithin(headerBytes, end, this.#used);
    this.#used -= end - headerBytes;
    this.#rowsEnd = headerBytes;
    return part;
  }
}

function piecesOf(source: Exclude<BulkSource, Blob>): BulkData {
  if (typeof source === "function") {
    return source();
  }
  // Text is iterable as well, character by character.
  return typeof source === "string" || source instanceof Uint8Array ? [source] : source;
}

async function* chunks(blob: Blob): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      yield next.value;
    }
  } finally {
    await reader.cancel();
  }
}
