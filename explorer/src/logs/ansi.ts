// Text with escape codes, as runners write it, taken apart into runs of one look.

/** How a run of text looks; colours are names of ours, "#rrggbb", or null for the default. */
export interface Look {
  color: string | null;
  background: string | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
  inverse: boolean;
}

export interface Run {
  text: string;
  look: Look;
}

export const PLAIN: Look = Object.freeze({
  color: null,
  background: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
});

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
// Control sequences (ECMA-48, 5.4), operating system commands such as hyperlinks, shorter escapes,
// and one that the text's end cuts off.
const ESCAPE =
  /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-Z\\^-~]|\x1b[\s\S]{0,8}$/g;
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** Runs of `text`, going on with `look`; gives the look at the end as well. */
export function parseAnsi(text: string, look: Look = PLAIN): { runs: Run[]; look: Look } {
  const runs: Run[] = [];
  let from = 0;
  const add = (piece: string) => {
    const shown = piece.replace(CONTROLS, "");
    if (!shown) return;
    const last = runs.at(-1);
    if (last?.look === look) last.text += shown;
    else runs.push({ text: shown, look });
  };
  for (const found of text.matchAll(ESCAPE)) {
    add(text.slice(from, found.index));
    from = found.index + found[0].length;
    if (found[2] === "m") look = changed(look, found[1] ?? "");
  }
  add(text.slice(from));
  return { runs, look };
}

/** The look after a "select graphic rendition" sequence with these parameters. */
function changed(look: Look, parameters: string): Look {
  const codes = parameters.split(/[;:]/).map((code) => Number(code || 0));
  let next: Look = { ...look };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at]!;
    if (code === 38 || code === 48) {
      const [color, used] = extended(codes, at + 1);
      if (code === 38) next.color = color;
      else next.background = color;
      at += used;
    } else next = simple(next, code);
  }
  return isPlain(next) ? PLAIN : next;
}

function simple(look: Look, code: number): Look {
  switch (code) {
    case 0: return PLAIN;
    case 1: return { ...look, bold: true };
    case 2: return { ...look, dim: true };
    case 3: return { ...look, italic: true };
    case 4: return { ...look, underline: true };
    case 7: return { ...look, inverse: true };
    case 9: return { ...look, strike: true };
    case 22: return { ...look, bold: false, dim: false };
    case 23: return { ...look, italic: false };
    case 24: return { ...look, underline: false };
    case 27: return { ...look, inverse: false };
    case 29: return { ...look, strike: false };
    case 39: return { ...look, color: null };
    case 49: return { ...look, background: null };
  }
  if (code >= 30 && code <= 37) return { ...look, color: NAMES[code - 30]! };
  if (code >= 90 && code <= 97) return { ...look, color: `bright-${NAMES[code - 90]}` };
  if (code >= 40 && code <= 47) return { ...look, background: NAMES[code - 40]! };
  if (code >= 100 && code <= 107) return { ...look, background: `bright-${NAMES[code - 100]}` };
  return look;
}

/** A colour of the 256, or by its parts, after 38 or 48; and how many codes it took. */
function extended(codes: number[], at: number): [string | null, number] {
  if (codes[at] === 5) return [indexed(codes[at + 1] ?? 0), 2];
  if (codes[at] === 2) return [hex(codes.slice(at + 1, at + 4)), 4];
  return [null, 1];
}

function indexed(index: number): string | null {
  if (index < 8) return NAMES[index] ?? null;
  if (index < 16) return `bright-${NAMES[index - 8]}`;
  if (index > 255) return null;
  if (index >= 232) return hex(Array<number>(3).fill(8 + (index - 232) * 10));
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  const cube = index - 16;
  return hex([Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level));
}

function hex(parts: number[]): string {
  const two = (part: number) => Math.min(255, Math.max(0, part || 0)).toString(16).padStart(2, "0");
  return `#${[0, 1, 2].map((index) => two(parts[index] ?? 0)).join("")}`;
}

function isPlain(look: Look): boolean {
  return (Object.keys(PLAIN) as (keyof Look)[]).every((key) => look[key] === PLAIN[key]);
}
