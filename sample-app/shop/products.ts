/** A product has a picture: `public/pictures/<id>.svg`. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  readonly cents: number;
}

const CATALOGUE: readonly Product[] = [
  { id: 'mug', name: 'Mug', text: 'Stoneware, for the second coffee of the day.', cents: 1450 },
  { id: 'notebook', name: 'Notebook', text: '160 dotted pages that open flat.', cents: 1200 },
  { id: 'lamp', name: 'Desk lamp', text: 'Warm light, one joint, no app.', cents: 5900 },
  { id: 'plant', name: 'House plant', text: 'Forgives a fortnight without water.', cents: 1890 },
  { id: 'bag', name: 'Canvas bag', text: 'Carries everything else on this page.', cents: 2400 },
  { id: 'clock', name: 'Wall clock', text: 'Silent. Says when the session ends.', cents: 3750 },
];

export const PRODUCTS: ReadonlyMap<string, Product> = new Map(CATALOGUE.map((product) => [product.id, product]));
