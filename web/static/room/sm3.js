// SM3 (GB/T 32905-2016), so that the page can check the chain itself instead of believing it.

const INITIAL = [
  0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
];

const rotate = (word, by) => (word << by) | (word >>> (32 - by));
const permute0 = (word) => word ^ rotate(word, 9) ^ rotate(word, 17);
const permute1 = (word) => word ^ rotate(word, 15) ^ rotate(word, 23);

/** The digest (Uint8Array of 32) of the bytes. */
export function sm3(bytes) {
  const padded = pad(bytes);
  const view = new DataView(padded.buffer);
  let state = Int32Array.from(INITIAL);
  for (let block = 0; block < padded.length; block += 64) state = compress(state, view, block);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, index) => digest.setInt32(4 * index, word));
  return new Uint8Array(digest.buffer);
}

function pad(bytes) {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(bytes.length / 2 ** 29));
  view.setUint32(padded.length - 4, (bytes.length * 8) >>> 0);
  return padded;
}

function compress(before, view, block) {
  const words = expand(view, block);
  let [a, b, c, d, e, f, g, h] = before;
  for (let round = 0; round < 64; round += 1) {
    const early = round < 16;
    const constant = rotate(early ? 0x79cc4519 : 0x7a879d8a, round % 32);
    const ss1 = rotate((rotate(a, 12) + e + constant) | 0, 7);
    const ss2 = ss1 ^ rotate(a, 12);
    const ff = early ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
    const gg = early ? e ^ f ^ g : (e & f) | (~e & g);
    const tt1 = (ff + d + ss2 + (words[round] ^ words[round + 4])) | 0;
    const tt2 = (gg + h + ss1 + words[round]) | 0;
    [a, b, c, d, e, f, g, h] = [tt1, a, rotate(b, 9), c, permute0(tt2), e, rotate(f, 19), g];
  }
  return Int32Array.from([a, b, c, d, e, f, g, h], (word, index) => word ^ before[index]);
}

function expand(view, block) {
  const words = new Int32Array(68);
  for (let index = 0; index < 16; index += 1) words[index] = view.getInt32(block + 4 * index);
  for (let index = 16; index < 68; index += 1) {
    const mixed = words[index - 16] ^ words[index - 9] ^ rotate(words[index - 3], 15);
    words[index] = permute1(mixed) ^ rotate(words[index - 13], 7) ^ words[index - 6];
  }
  return words;
}

/** Hexadecimal text of bytes. */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of a hexadecimal text. */
export function unhex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
