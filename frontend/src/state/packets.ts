/// What the page knows about each skb across the whole trace, whatever the playhead shows.
///
/// Columns are indexed by skb id; a row number is stored plus one, so that 0 means "not yet".

import { Kind, type Rows } from "../protocol/rows.ts";

export class Packets {
  private arriveRow = new Uint32Array(1024);
  private lastRow = new Uint32Array(1024);
  private markRow = new Uint32Array(1024);
  private receiveRow = new Uint32Array(1024);
  private nextRow = new Uint32Array(4096);
  highest = 0;

  /// Notes one row; rows must come in order.
  add(rows: Rows, i: number): void {
    const skb = rows.skb(i);
    if (i >= this.nextRow.length) this.nextRow = enlarge(this.nextRow, i);
    this.nextRow[i] = 0;
    if (skb === 0) return;
    if (skb >= this.arriveRow.length) this.growTo(skb);
    if (skb > this.highest) this.highest = skb;
    const kind = rows.kind(i);
    if (kind === Kind.arrive && !this.arriveRow[skb]) this.arriveRow[skb] = i + 1;
    else if (kind === Kind.mark && !this.markRow[skb]) this.markRow[skb] = i + 1;
    else if (kind === Kind.receive) this.receiveRow[skb] = i + 1;
    const previous = this.lastRow[skb] ?? 0;
    if (previous > 0) this.nextRow[previous - 1] = i + 1;
    else if (!this.arriveRow[skb]) this.arriveRow[skb] = i + 1;
    this.lastRow[skb] = i + 1;
  }

  private growTo(skb: number): void {
    this.arriveRow = enlarge(this.arriveRow, skb);
    this.lastRow = enlarge(this.lastRow, skb);
    this.markRow = enlarge(this.markRow, skb);
    this.receiveRow = enlarge(this.receiveRow, skb);
  }

  /// The row of the skb's arrival, or -1.
  arrival(skb: number): number {
    return (this.arriveRow[skb] ?? 0) - 1;
  }
  /// The row in which the skb reached its sink, or -1 while that row has not come.
  receipt(skb: number): number {
    return (this.receiveRow[skb] ?? 0) - 1;
  }
  /// Whether the skb carries a congestion mark once `rowCount` rows have happened.
  isMarked(skb: number, rowCount: number): boolean {
    const row = this.markRow[skb] ?? 0;
    return row > 0 && row <= rowCount;
  }
  flow(rows: Rows, skb: number): number {
    const row = this.arrival(skb);
    return row < 0 ? 0 : rows.slot(row);
  }
  lenBytes(rows: Rows, skb: number): number {
    const row = this.arrival(skb);
    return row < 0 ? 0 : rows.aux(row);
  }
  /// The next row of the same skb after row `i`, or -1.
  next(i: number): number {
    return (this.nextRow[i] ?? 0) - 1;
  }
  /// Every row of one skb, in order.
  life(skb: number): number[] {
    const life: number[] = [];
    for (let i = this.arrival(skb); i >= 0; i = this.next(i)) life.push(i);
    return life;
  }
}

function enlarge(column: Uint32Array<ArrayBuffer>, index: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(index + 1, column.length * 2));
  larger.set(column);
  return larger;
}
