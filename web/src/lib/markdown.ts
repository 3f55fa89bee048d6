/**
 * Markdown of models as safe HTML. Three walls: markdown-it takes no HTML, the sanitizer lets only the tags below
 * through, and the page's content policy runs no script that is not the realm's own.
 */

import createDOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import type { Token } from "markdown-it";
import { t } from "./strings";

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false });

const { renderer, utils } = markdown;

// Nothing is fetched from elsewhere: an image becomes a link to it.
renderer.rules["image"] = (tokens, index) => {
  const token = tokens[index];
  const source = token?.attrGet("src") ?? "";
  const label = utils.escapeHtml(token?.content || source);
  return /^https?:/i.test(source) ? `<a href="${utils.escapeHtml(source)}">${label}</a>` : label;
};

// The content policy allows no style attributes; columns are aligned by class.
for (const rule of ["th_open", "td_open"]) {
  renderer.rules[rule] = (tokens, index, options, _env, self) => {
    const token = tokens[index];
    const side = /text-align:(left|center|right)/.exec(token?.attrGet("style") ?? "")?.[1];
    if (token) token.attrs = side ? [["class", `align-${side}`]] : null;
    return self.renderToken(tokens, index, options);
  };
}

renderer.rules["table_open"] = () => '<div class="table-scroll"><table>';
renderer.rules["table_close"] = () => "</table></div>";

renderer.rules["fence"] = renderer.rules["code_block"] = (tokens, index) => {
  const token = tokens[index];
  const language = utils.escapeHtml((token?.info ?? "").trim().split(/\s+/)[0] ?? "");
  const code = utils.escapeHtml(token?.content ?? "");
  return (
    `<div class="code"><div class="code-head"><span>${language || t.answer.code}</span>` +
    `<button type="button" data-copy-code>${t.answer.copyCode}</button></div>` +
    `<pre tabindex="0"><code>${code}</code></pre></div>`
  );
};

const ALLOWED_TAGS = [
  "a", "blockquote", "br", "button", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol",
  "p", "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
];
const ALLOWED_ATTR = ["class", "data-copy-code", "href", "rel", "start", "tabindex", "target", "title", "type"];

type Purifier = ReturnType<typeof createDOMPurify>;
let purifier: Purifier | undefined;

function purify(html: string): string {
  if (!purifier) {
    purifier = createDOMPurify(window);
    purifier.addHook("afterSanitizeAttributes", (node) => {
      if (node.tagName !== "A") return;
      const href = node.getAttribute("href") ?? "";
      if (/^(https?:|mailto:)/i.test(href)) {
        node.setAttribute("target", "_blank");
        node.setAttribute("rel", "noopener noreferrer nofollow");
      } else {
        // A relative link would lead into the console itself.
        node.removeAttribute("href");
      }
    });
  }
  return purifier.sanitize(html, { ALLOWED_TAGS, ALLOWED_ATTR, ALLOW_DATA_ATTR: false });
}

/** A top-level piece of a text (a paragraph, a list, a code block) as safe HTML. */
export interface Block {
  html: string;
}

/**
 * Draws texts that grow. Pieces that did not change since the last time are not sanitized again, and are the same
 * object, so that the page does not touch them.
 */
export class MarkdownDrawer {
  #known = new Map<string, Block>();

  draw(text: string): Block[] {
    const environment = {};
    const known = new Map<string, Block>();
    const blocks = topLevel(markdown.parse(text, environment)).map((tokens) => {
      const html = renderer.render(tokens, markdown.options, environment);
      const block = known.get(html) ?? this.#known.get(html) ?? { html: purify(html) };
      known.set(html, block);
      return block;
    });
    this.#known = known;
    return blocks;
  }
}

/** The tokens, cut where a top-level piece ends. */
function topLevel(tokens: Token[]): Token[][] {
  const pieces: Token[][] = [];
  let piece: Token[] = [];
  let depth = 0;
  for (const token of tokens) {
    piece.push(token);
    depth += token.nesting;
    if (depth === 0) {
      pieces.push(piece);
      piece = [];
    }
  }
  return piece.length > 0 ? [...pieces, piece] : pieces;
}

/** The beginning of a text in one line, without the marks of Markdown. */
export function plainText(text: string): string {
  return text
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/^\s*(?:#{1,6}|>|[-*+]|\d+\.)\s+/gm, "")
    .replace(/[*`~]{1,3}(?=\S)|(?<=\S)[*`~]{1,3}/g, "")
    .replace(/\s+/g, " ");
}
