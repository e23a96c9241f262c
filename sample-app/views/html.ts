/** Markup that needs no escaping any more. */
export class Html {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type HtmlContent = Html | string | number | false | null | undefined | readonly HtmlContent[];

/** A piece of markup; whatever is put into it is escaped, unless it is {@link Html} itself. */
export function html(markup: TemplateStringsArray, ...contents: HtmlContent[]): Html {
  return new Html(String.raw({ raw: markup }, ...contents.map(render)));
}

function render(content: HtmlContent): string {
  if (content === false || content === null || content === undefined) return '';
  if (content instanceof Html) return content.toString();
  if (typeof content === 'object') return content.map(render).join('');
  return String(content).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
