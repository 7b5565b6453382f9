// SPDX-License-Identifier: MIT
// Sizes, addresses and counts in words, as the command says them.
//
// Addresses are plain numbers: none has more than 52 bits, and a double is exact up to 2^53. What
// needs bits of them divides and takes floors, since the bit operators of JavaScript have 32.

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

// Exact where a unit gives a short number, else with one decimal.
export function sizeWords(bytes) {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit + 1 < units.length) {
    value /= 1024;
    ++unit;
  }
  if (Number.isInteger(value)) {
    return `${value} ${units[unit]}`;
  }
  const smaller = value * 1024;
  if (unit > 0 && Number.isInteger(smaller) && smaller < 10000) {
    return `${smaller} ${units[unit - 1]}`;
  }
  if (value >= 1023.95 && unit + 1 < units.length) {
    value /= 1024; // which it rounds to
    ++unit;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

// Of what is measured and not counted: two digits are enough.
export function aboutWords(bytes) {
  if (bytes < 1) {
    return `1/${Math.round(1 / bytes)} B`;
  }
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit + 1 < units.length) {
    value /= 1024;
    ++unit;
  }
  return `${value >= 10 ? Math.round(value) : Math.round(value * 10) / 10} ${units[unit]}`;
}

export function hex(address) {
  return `0x${address.toString(16)}`;
}

// The end is the first address behind, as the command writes ranges.
export function rangeWords(start, end) {
  return `${hex(start)}-${hex(end)}`;
}

export function countWords(count) {
  return Math.round(count).toLocaleString("en-GB");
}

// "1 page", "511 blocks"
export function entryNoun(level, count = 1) {
  const noun = level === 3 ? "page" : level === null ? "mapping" : "block";
  return count === 1 ? noun : `${noun}s`;
}

// A number as people write it: 0x40000000, 1G, 4096. NaN if it is none.
export function parseAddress(text) {
  const match = /^\s*(0x[0-9a-f]+|[0-9]+)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text.replaceAll("_", ""));
  if (!match) {
    return NaN;
  }
  const shift = { "": 0, k: 10, m: 20, g: 30, t: 40 }[match[2].toLowerCase()];
  const value = Number(match[1]) * 2 ** shift;
  return Number.isSafeInteger(value) ? value : NaN;
}
