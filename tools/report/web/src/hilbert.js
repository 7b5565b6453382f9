// SPDX-License-Identifier: MIT
// The Hilbert curve: addresses that are near each other are near each other on the plane, and every
// aligned power of two is a square or two squares side by side.
//
// A node is an aligned square of 4^order cells. Which child comes when depends on the orientation of
// the node: bit 0 swaps the axes, bit 1 inverts both.

const placeOfChild = [
  [0, 1, 3, 2],
  [0, 2, 3, 1],
  [3, 2, 0, 1],
  [3, 1, 0, 2],
];
const turnOfChild = [1, 0, 0, 3];

export class Curve {
  // Of 2^bits cells. With an odd number of bits, two curves stand side by side, the second one
  // beginning where the first one ends.
  constructor(bits) {
    this.order = Math.floor(bits / 2);
    this.side = 2 ** this.order;
    this.width = bits % 2 === 0 ? this.side : 2 * this.side;
    this.height = this.side;
    this.cells = this.width * this.height;
  }

  roots() {
    const roots = [{ x: 0, y: 0, order: this.order, first: 0, turn: 0 }];
    if (this.width > this.side) {
      roots.push({ x: this.side, y: 0, order: this.order, first: this.side * this.side, turn: 0 });
    }
    return roots;
  }

  cellAt(x, y) {
    if (!(x >= 0 && y >= 0 && x < this.width && y < this.height)) {
      return -1;
    }
    let node = this.roots()[x < this.side ? 0 : 1];
    while (node.order > 0) {
      const half = 2 ** (node.order - 1);
      const wanted = (x >= node.x + half ? 2 : 0) + (y >= node.y + half ? 1 : 0);
      node = child(node, placeOfChild[node.turn].indexOf(wanted));
    }
    return node.first;
  }

  // The squares of an aligned range of 2^log cells: one rectangle.
  rectOf(first, log) {
    let node = this.roots()[first < this.side * this.side ? 0 : 1];
    if (log > 2 * this.order) {
      return { x: 0, y: 0, width: this.width, height: this.height };
    }
    const order = Math.ceil(log / 2);
    while (node.order > order) {
      node = child(node, Math.floor((first - node.first) / 4 ** (node.order - 1)));
    }
    const side = 2 ** node.order;
    if (log % 2 === 0) {
      return { x: node.x, y: node.y, width: side, height: side };
    }
    return halfOf(node, first > node.first ? 1 : 0);
  }
}

export function child(node, position) {
  const place = placeOfChild[node.turn][position];
  const order = node.order - 1;
  const side = 2 ** order;
  return {
    x: node.x + (place >= 2 ? side : 0),
    y: node.y + (place % 2 === 1 ? side : 0),
    order,
    first: node.first + position * 4 ** order,
    turn: node.turn ^ turnOfChild[position],
  };
}

// The first or second two children, which are side by side.
export function halfOf(node, half) {
  const a = child(node, 2 * half);
  const b = child(node, 2 * half + 1);
  const side = 2 ** a.order;
  return {
    x: Math.min(a.x, b.x),
    y: Math.min(a.y, b.y),
    width: a.x === b.x ? side : 2 * side,
    height: a.y === b.y ? side : 2 * side,
  };
}

// A range of cells as aligned powers of two: [first, log] of each.
export function* alignedParts(first, end) {
  let at = first;
  while (at < end) {
    let log = 0;
    while (at % 2 ** (log + 1) === 0 && at + 2 ** (log + 1) <= end) {
      ++log;
    }
    yield [at, log];
    at += 2 ** log;
  }
}
