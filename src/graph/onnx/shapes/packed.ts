/** Shape rules of products with weights that are packed several to a byte. */
import { input, int, rulesFor, type Rules } from './rule';

export const PACKED: Rules = new Map(
  rulesFor(
    'MatMulNBits',
    (call) => {
      const { elementType, dims } = input(call, 0);
      return [{ elementType, dims: dims && [...dims.slice(0, -1), int(call, 'N', 0)] }];
    },
    'com.microsoft',
  ),
);
