/** How long the browser may take to read what it saves. */
const READ_MS_MAX = 60_000;

/** Has the browser save a text as a file. */
export function download(name: string, text: string, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), READ_MS_MAX);
}
