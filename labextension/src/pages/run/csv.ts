/**
 * The rows of a table in text (RFC 4180: quotes, doubled quotes, line ends inside of quotes).
 *
 * @param most - So many rows at most are read.
 */
export function parseTable(text: string, separator: string, most: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let quoted = false;
  const end = () => {
    row.push(field);
    field = '';
  };
  for (let i = 0; i < text.length && rows.length < most; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') {
        field += '"';
        i++;
      } else if (c === '"') {
        quoted = false;
      } else {
        field += c;
      }
    } else if (c === '"' && field === '') {
      quoted = true;
    } else if (c === separator) {
      end();
    } else if (c === '\n') {
      end();
      rows.push(row);
      row = [];
    } else if (c !== '\r') {
      field += c;
    }
  }
  if (rows.length < most && (field !== '' || row.length > 0)) {
    end();
    rows.push(row);
  }
  return rows;
}
