import { Body, Controller, Get, NotFoundException, Post, Redirect } from '@nestjs/common';
import { Session } from 'nestjs-mikro-session';
import { fieldOf } from '../views/forms.js';
import { Page } from '../views/page.decorator.js';
import { billOf, MOST, setQuantity } from './cart.js';
import { type Product, PRODUCTS } from './products.js';

@Controller()
export class CartController {
  @Get()
  @Page('products')
  products(): object {
    return { title: 'Products', products: [...PRODUCTS.values()] };
  }

  @Get('cart')
  @Page('cart')
  cart(@Session() session: Session): object {
    return { title: 'Your cart', bill: billOf(session.data.cart), most: MOST };
  }

  @Post('cart/add')
  @Redirect('/', 303)
  async add(@Session() session: Session, @Body() form: unknown): Promise<void> {
    const product = productOf(form);
    // Quick clicks are parallel requests, and all of them count.
    await session.update((data) => {
      const cart = (data.cart ??= {});
      setQuantity(cart, product, (cart[product.id] ?? 0) + 1);
    });
    session.flash('success', `${product.name}: now in your cart.`);
  }

  @Post('cart/change')
  @Redirect('/cart', 303)
  change(@Session() session: Session, @Body() form: unknown): void {
    const product = productOf(form);
    const quantity = fieldOf(form, 'quantity');
    if (/^\d{1,4}$/.test(quantity)) setQuantity((session.data.cart ??= {}), product, Number(quantity));
    else session.flash('warning', `How many of ${product.name}? Please enter a number.`);
  }

  @Post('cart/remove')
  @Redirect('/cart', 303)
  remove(@Session() session: Session, @Body() form: unknown): void {
    const product = productOf(form);
    session.delete(`cart.${product.id}`);
    session.flash('info', `${product.name}: removed.`);
  }
}

function productOf(form: unknown): Product {
  const product = PRODUCTS.get(fieldOf(form, 'product'));
  if (product === undefined) throw new NotFoundException();
  return product;
}
