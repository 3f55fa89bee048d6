// @vitest-environment jsdom

import { describe, expect, it } from "vitest";
import { MarkdownDrawer, plainText } from "../src/lib/markdown";

const html = (text: string) => new MarkdownDrawer().draw(text).map((block) => block.html).join("");

/** The text as a browser would make elements of it. */
function page(text: string): HTMLElement {
  const holder = document.createElement("div");
  holder.innerHTML = html(text);
  return holder;
}

describe("what a model writes can't act", () => {
  const attacks = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)></svg>",
    "<iframe src=https://evil.example></iframe>",
    "<a href='javascript:alert(1)' onclick='alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](  javascript&colon;alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox)",
    "![x](javascript:alert(1))",
    '![x](https://evil.example/x.png "t\\" onerror=\\"alert(1)")',
    "![\"><img src=x onerror=alert(1)>](https://evil.example/x.png)",
    "<javascript:alert(1)>",
    "```js\"><script>alert(1)</script>\nx\n```",
    "```\n</code></pre><img src=x onerror=alert(1)>\n```",
    "|a|\n|-|\n|<img src=x onerror=alert(1)>|",
    "<style>*{display:none}</style>",
    "<form action=https://evil.example><input name=q></form>",
    "<button data-copy-code formaction=https://evil.example>x</button>",
  ];

  it.each(attacks)("%s", (attack) => {
    const drawn = page(attack);
    expect(drawn.querySelector("script, img, svg, iframe, object, embed, style, form, input, link, meta, base")).toBeNull();
    for (const element of drawn.querySelectorAll("*")) {
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^on|^style$|^src|action/i);
        expect(value.replaceAll(/\s/g, "")).not.toMatch(/^(javascript|vbscript|data):/i);
      }
    }
  });
});

describe("what a model writes is drawn", () => {
  it("with links that tell nobody where they come from", () => {
    const link = page("[Paris](https://example.org/paris)").querySelector("a");
    expect(link?.getAttribute("href")).toBe("https://example.org/paris");
    expect(link?.getAttribute("rel")).toBe("noopener noreferrer nofollow");
    expect(link?.getAttribute("target")).toBe("_blank");
  });

  it("with no links into the page itself", () => {
    expect(page("[wallet](#/wallet) [root](/api/realm)").querySelector("a[href]")).toBeNull();
  });

  it("with images as links to them, so that nothing is fetched", () => {
    const drawn = page("![a cat](https://example.org/cat.png)");
    expect(drawn.querySelector("a")?.textContent).toBe("a cat");
    expect(drawn.querySelector("a")?.getAttribute("href")).toBe("https://example.org/cat.png");
  });

  it("with code that can be copied, as it was written", () => {
    const drawn = page("```python\nif a < b:\n    print('&')\n```");
    expect(drawn.querySelector("pre code")?.textContent).toBe("if a < b:\n    print('&')\n");
    expect(drawn.querySelector(".code-head span")?.textContent).toBe("python");
    expect(drawn.querySelector("button[data-copy-code]")?.getAttribute("type")).toBe("button");
  });

  it("with the lines of a poem as they were written", () => {
    expect(html("Old wheel,\nstill turning")).toMatch(/Old wheel,<br>\n?still turning/);
  });

  it("with tables aligned by class", () => {
    const drawn = page("|a|b|\n|:-|-:|\n|1|2|");
    expect(drawn.querySelector("td:last-child")?.className).toBe("align-right");
    expect(drawn.querySelector("[style]")).toBeNull();
  });
});

describe("a text that grows", () => {
  it("keeps the pieces that did not change", () => {
    const drawer = new MarkdownDrawer();
    const first = drawer.draw("One *word*.\n\n- a\n- b\n\nThe la");
    const second = drawer.draw("One *word*.\n\n- a\n- b\n\nThe last");
    expect(second).toHaveLength(3);
    expect(second[0]).toBe(first[0]);
    expect(second[1]).toBe(first[1]);
    expect(second[2]?.html).toContain("The last");
  });

  it("comes out the same at every length, in the end", () => {
    const text = "# Title\n\nA [link](https://example.org) and `code`.\n\n```js\nlet a = 1;\n```\n\n1. one\n2. two\n\n> quoted";
    const drawer = new MarkdownDrawer();
    for (let end = 0; end < text.length; end += 1) drawer.draw(text.slice(0, end));
    expect(drawer.draw(text).map((block) => block.html).join("")).toBe(html(text));
  });
});

describe("a preview", () => {
  it("has the words without the marks", () => {
    expect(plainText("# Big\n\nIt is **Paris**, see [here](https://example.org) and `snake_case`.\n- one\n- two")).toBe(
      "Big It is Paris, see here and snake_case. one two",
    );
  });
});
