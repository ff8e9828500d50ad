// Reads a list of games as the server will: enough of it to show beforehand what is in it.

/** The cells of each row, and the line on which it begins. */
export interface CsvRow {
  line: number;
  cells: string[];
}

export function readCsv(text: string): CsvRow[] {
  const rows: CsvRow[] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  let line = 1;
  let begun = 1;
  const source = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const endCell = () => {
    cells.push(cell.trim());
    cell = '';
  };
  const endRow = () => {
    endCell();
    if (cells.some((value) => value !== '')) rows.push({ line: begun, cells });
    cells = [];
  };
  for (let at = 0; at < source.length; at++) {
    const sign = source[at] ?? '';
    if (sign === '\n') line++;
    if (quoted) {
      if (sign !== '"') cell += sign;
      else if (source[at + 1] === '"') cell += source[++at];
      else quoted = false;
    } else if (sign === '"' && cell.trim() === '') {
      quoted = true;
      cell = '';
    } else if (sign === ',') endCell();
    else if (sign === '\n') {
      endRow();
      begun = line;
    } else cell += sign;
  }
  if (cell !== '' || cells.length > 0) endRow();
  return rows;
}

export interface ListedGame {
  line: number;
  title: string;
  pack: string;
  players: string;
  known: boolean;
}

export interface Listing {
  games: ListedGame[];
  /** Columns that the list needs and does not name. */
  missing: string[];
}

const NEEDED = ['pack_name', 'title', 'min_players', 'max_players'];

export const nameOf = (pack: string, title: string): string => JSON.stringify([pack, title]);

/** The games of a list; `known` are those that the library has. */
export function listingOf(text: string, library: ReadonlySet<string>): Listing {
  const [header, ...rows] = readCsv(text);
  const columns = (header?.cells ?? []).map((name) => name.toLowerCase());
  const missing = NEEDED.filter((name) => !columns.includes(name));
  if (missing.length > 0) return { games: [], missing };
  const cell = (row: CsvRow, name: string) => (row.cells[columns.indexOf(name)] ?? '').replace(/^'(?=[=+\-@\t\r])/, '');
  const games = rows.map((row) => {
    const [title, pack] = [cell(row, 'title'), cell(row, 'pack_name')];
    const players = `${cell(row, 'min_players')}–${cell(row, 'max_players')}`;
    return { line: row.line, title, pack, players, known: library.has(nameOf(pack, title)) };
  });
  return { games, missing };
}
