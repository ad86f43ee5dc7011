const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\u0020-\u007e]*$/;

const decode = (value: string): string | null => {
  try {
    return decodeURIComponent(value);
  } catch {
    return null;
  }
};

/** `name=value,name=value`, as `OTEL_EXPORTER_OTLP_HEADERS` has it; null when it is not that. */
export const parseOtlpHeaders = (text: string): Readonly<Record<string, string>> | null => {
  const headers: Record<string, string> = {};
  for (const part of text.split(',')) {
    const mark = part.indexOf('=');
    const name = part.slice(0, mark).trim();
    const value = decode(part.slice(mark + 1).trim());
    if (mark < 1 || value === null || !NAME.test(name) || !VALUE.test(value)) return null;
    headers[name.toLowerCase()] = value;
  }
  return headers;
};
