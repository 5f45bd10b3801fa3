import { expect, it } from 'vitest';
import { forgers } from './forgery.ts';

it('nobody is let in by the address of a pod behind its own Service', () => {
  expect(forgers()).toEqual([]);
});
