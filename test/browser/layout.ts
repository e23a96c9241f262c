import type { Page } from 'playwright-core';

/** What page scripts share: colours as a browser computes them, and their contrast by WCAG 2.2. */
const COLOURS = `
  const channels = (colour) => {
    const [red, green, blue, alpha = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { rgb: [red, green, blue], alpha };
  };
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((value) => value / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return Math.round(((light + 0.05) / (dark + 0.05)) * 100) / 100;
  };
  /** What lies behind an element: the first of it and its ancestors that is painted. */
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { rgb, alpha } = channels(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return rgb;
    }
    return [255, 255, 255];
  };
  const nameOf = (element) =>
    element.localName + ' ' + JSON.stringify((element.ariaLabel ?? element.name ?? '') || element.textContent.trim().slice(0, 30));
  const visible = (element) => element.getClientRects().length > 0;
`;

function evaluate(page: Page, script: string): Promise<string[]> {
  return page.evaluate<string[]>(`(() => { ${COLOURS} ${script} })()`);
}

/** What reaches beyond the window, and boxes whose content does not fit. */
export function overflowing(page: Page): Promise<string[]> {
  return evaluate(
    page,
    `const root = document.documentElement;
    const beyond = root.scrollWidth > root.clientWidth ? ['the page: ' + root.scrollWidth + ' of ' + root.clientWidth] : [];
    for (const element of document.querySelectorAll('body *:not(svg *, thead, thead *)')) {
      const { left, right } = element.getBoundingClientRect();
      const box = element.parentElement.getBoundingClientRect();
      if (right > root.clientWidth + 0.5 || left < -0.5) beyond.push(nameOf(element) + ' ends at ' + right);
      else if (right > box.right + 0.5) beyond.push(nameOf(element) + ' ends at ' + right + ', in a box to ' + box.right);
    }
    return beyond;`,
  );
}

/** Fields and buttons whose edge has less than 3:1 (WCAG 2.2, 1.4.11) to what lies around them. */
export function weakOutlines(page: Page): Promise<string[]> {
  return evaluate(
    page,
    `return Array.from(document.querySelectorAll('input:not([type=hidden], [type=checkbox]), button:not(.link), .button'))
      .filter(visible)
      .map((element) => ({
        name: nameOf(element),
        ratio: contrast(channels(getComputedStyle(element).borderTopColor).rgb, ground(element.parentElement)),
      }))
      .filter(({ ratio }) => ratio < 3)
      .map(({ name, ratio }) => name + ': ' + ratio);`,
  );
}

/** Text of less than 4.5:1 (WCAG 2.2, 1.4.3). */
export function weakText(page: Page): Promise<string[]> {
  return evaluate(
    page,
    `return Array.from(document.querySelectorAll('body *'))
      .filter((element) => visible(element) && Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim() !== ''))
      .map((element) => ({ name: nameOf(element), ratio: contrast(channels(getComputedStyle(element).color).rgb, ground(element)) }))
      .filter(({ ratio }) => ratio < 4.5)
      .map(({ name, ratio }) => name + ': ' + ratio);`,
  );
}

/** What has the focus on the way through the page by Tab, where the ring around it is missing or has less than 3:1. */
export async function weakFocus(page: Page): Promise<string[]> {
  const count = await page.locator('a[href], button, input:not([type=hidden])').count();
  if (count === 0) throw new Error('Nothing on this page takes the focus.');
  const weak: string[] = [];
  for (let step = 0; step < count; step++) {
    await page.keyboard.press('Tab');
    weak.push(
      ...(await evaluate(
        page,
        `const element = document.activeElement;
        if (element === document.body) return [];
        const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
        const ratio = contrast(channels(outlineColor).rgb, ground(element.parentElement));
        const isThere = outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2;
        return isThere && ratio >= 3 ? [] : [nameOf(element) + ': ' + outlineStyle + ' ' + outlineWidth + ', ' + ratio];`,
      )),
    );
  }
  return weak;
}
