/** Setup of each file that runs beside others. */
import { takeOwnCore } from './cores';

takeOwnCore(Number(process.env['VITEST_POOL_ID']));
