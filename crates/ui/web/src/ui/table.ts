import type { Snippet } from 'svelte';
import { compareNames } from '../lib/format';

/** A column of a DataTable. */
export interface Column<Row> {
  id: string;
  label: string;
  /** What the cell shows where there is no `cell`, and what rows are sorted by; without it the column is not sortable. */
  value?: (row: Row) => string | number | null;
  cell?: Snippet<[Row]>;
  align?: 'start' | 'end';
  /** The column that names the row: its header in a table, its title as a card. */
  main?: boolean;
}

export interface Sort {
  column: string;
  descending: boolean;
}

/** Rows in order; those without a value come last either way. */
export function sorted<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sort: Sort | null): readonly Row[] {
  const value = columns.find((column) => column.id === sort?.column)?.value;
  if (!sort || !value) return rows;
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    const order = typeof x === 'number' && typeof y === 'number' ? x - y : compareNames(String(x), String(y));
    return sort.descending ? -order : order;
  });
}
