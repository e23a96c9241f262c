import { html, type Html } from '../views/html.js';

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  readonly cents: number;
  readonly colour: string;
  /** Strokes on a canvas of 24 by 24. */
  readonly drawing: Html;
}

const CATALOGUE: readonly Product[] = [
  {
    id: 'mug',
    name: 'Mug',
    text: 'Stoneware, for the second coffee of the day.',
    cents: 1450,
    colour: '#f3d9c4',
    drawing: html`<path d="M6 8h9v8a3 3 0 0 1-3 3H9a3 3 0 0 1-3-3zM15 10h2a2 2 0 0 1 0 5h-2M9 3v2M12 3v2" />`,
  },
  {
    id: 'notebook',
    name: 'Notebook',
    text: '160 dotted pages that open flat.',
    cents: 1200,
    colour: '#cfe0d6',
    drawing: html`<path d="M7 4h11v16H7zM7 4v16M5 8h4M5 12h4M5 16h4M12 9h3" />`,
  },
  {
    id: 'lamp',
    name: 'Desk lamp',
    text: 'Warm light, one joint, no app.',
    cents: 5900,
    colour: '#f5e6b3',
    drawing: html`<path d="M7 20h8M11 20l-3-9 5-4M11 5l4 5 4-3-4-5zM18 12l1 1M20 9h1" />`,
  },
  {
    id: 'plant',
    name: 'House plant',
    text: 'Forgives a fortnight without water.',
    cents: 1890,
    colour: '#d3e6c5',
    drawing: html`<path d="M8 15h8l-1 5H9zM12 15V8M12 10C8 10 6 8 6 5c4 0 6 2 6 5zM12 8c0-3 2-5 6-5 0 3-2 5-6 5z" />`,
  },
  {
    id: 'bag',
    name: 'Canvas bag',
    text: 'Carries everything else on this page.',
    cents: 2400,
    colour: '#d6d9ee',
    drawing: html`<path d="M5 9h14l-1 11H6zM9 9V7a3 3 0 0 1 6 0v2" />`,
  },
  {
    id: 'clock',
    name: 'Wall clock',
    text: 'Silent. Says when the session ends.',
    cents: 3750,
    colour: '#eed3d8',
    drawing: html`<circle cx="12" cy="12" r="8" /><path d="M12 7v5l3 2" />`,
  },
];

export const PRODUCTS: ReadonlyMap<string, Product> = new Map(CATALOGUE.map((product) => [product.id, product]));
