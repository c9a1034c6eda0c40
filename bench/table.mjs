const GAP = '   ';

/**
 * Renders columns under their heads. Columns of numbers are aligned to the right.
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 * @returns {string}
 */
export function table(head, rows) {
  const lines = [head, ...rows];
  const widths = head.map((_title, column) => Math.max(...lines.map((line) => line[column].length)));
  const toTheRight = head.map((_title, column) => rows.every((row) => /^[\d.,]*$/.test(row[column])));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (toTheRight[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
        .join(GAP)
        .trimEnd(),
    )
    .join('\n');
}

/**
 * Formats a number with three significant digits, and with all digits before the point.
 * @param {number} value
 * @returns {string}
 */
export function figure(value) {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}
