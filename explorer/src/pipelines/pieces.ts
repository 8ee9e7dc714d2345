// Pieces of a log that goes on, put together.

export interface Piece {
  text: string;
  startByte: number;
  endByte: number;
}

/** Of a long log that goes on the last so many characters are shown. */
export const SHOWN = 400_000;

/**
 * A piece after others, of which those stay that are shown. After a break pieces come again from where
 * the first began: those give way.
 */
export function joined(pieces: Piece[], piece: Piece): Piece[] {
  const all = [...pieces.filter((one) => one.startByte < piece.startByte), piece];
  let length = all.reduce((sum, { text }) => sum + text.length, 0);
  while ((length -= all[0]!.text.length) >= SHOWN) all.shift();
  return all;
}
