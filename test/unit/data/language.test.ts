/** The language of texts is recognised well enough to say something, and nothing is said where it is not clear. */
import { expect, test } from 'vitest';
import { languageOf } from '../../../src/data';

test.each([
  [
    'en',
    'The parcel has not arrived and I would like to know where it is. Please tell me what to do with this order.',
  ],
  [
    'de',
    'Das Paket ist nicht angekommen und ich möchte wissen, wo es ist. Bitte sagen Sie mir, was ich mit der Rechnung machen soll.',
  ],
  [
    'fr',
    'Le colis n’est pas arrivé et je voudrais savoir où il est. Merci de me dire ce que je dois faire avec la facture que vous avez envoyée.',
  ],
  [
    'es',
    'El paquete no ha llegado y me gustaría saber dónde está. Por favor díganme qué hacer con la factura que se envió para mi pedido.',
  ],
  [
    'it',
    'Il pacco non è arrivato e vorrei sapere dove si trova. Per favore ditemi che cosa devo fare con la fattura del mio ordine.',
  ],
  [
    'pt',
    'O pacote não chegou e eu gostaria de saber onde está. Por favor me diga o que fazer com a fatura do meu pedido, não sei mais.',
  ],
  [
    'nl',
    'Het pakket is niet aangekomen en ik wil graag weten waar het is. Zeg mij wat ik met de rekening van de bestelling moet doen.',
  ],
  [
    'sv',
    'Paketet har inte kommit och jag vill veta var det är. Kan ni säga vad jag ska göra med den faktura som jag har för det?',
  ],
  [
    'pl',
    'Paczka nie dotarła i chciałbym wiedzieć, gdzie jest. Proszę o informację, co się stało z moim zamówieniem, bo to już za długo.',
  ],
  [
    'tr',
    'Paket daha gelmedi ve nerede olduğunu bilmek istiyorum. Bu sipariş için bir fatura var ama ne yapmam gerek çok belli değil.',
  ],
  [
    'ru',
    'Посылка до сих пор не пришла, и я хотел бы узнать, где она находится сейчас и когда её доставят.',
  ],
  [
    'el',
    'Το πακέτο δεν έχει φτάσει ακόμα και θα ήθελα να μάθω πού βρίσκεται και πότε θα παραδοθεί.',
  ],
  [
    'ar',
    'لم يصل الطرد حتى الآن وأود أن أعرف أين هو ومتى سيتم تسليمه إلى عنوان منزلي الجديد من فضلك',
  ],
  [
    'ja',
    '荷物がまだ届いていません。どこにあるのか教えていただけますか。注文番号はメールに書いてあります。よろしくお願いします。',
  ],
  [
    'zh',
    '包裹还没有到达，我想知道它现在在哪里。请告诉我应该怎么处理这张发票，订单号码在邮件里面。谢谢你们的帮助和支持。',
  ],
  [
    'ko',
    '소포가 아직 도착하지 않았습니다. 지금 어디에 있는지 알고 싶습니다. 주문 번호는 이메일에 적혀 있습니다. 감사합니다.',
  ],
])('%s', (language, text) => {
  expect(languageOf([text])).toBe(language);
});

test('nothing is said of a few words, of numbers, or of names', () => {
  for (const texts of [[], [''], ['12 34 56'], ['Berlin', 'Paris', 'Roma'], ['ok', 'thanks']])
    expect(languageOf(texts)).toBeNull();
});

test('nothing is said of a mixture', () => {
  const english = 'The parcel has not arrived and I would like to know where it is now.';
  const german = 'Das Paket ist nicht angekommen und ich möchte wissen, wo es ist.';
  expect(languageOf([english, german])).toBeNull();
  // A few strays among many do not hide the language.
  expect(languageOf([...Array.from({ length: 9 }, () => english), german])).toBe('en');
});

test('a million long texts take a moment', () => {
  const texts = new Array<string>(1_000_000).fill(
    'The order is not here and that is bad. '.repeat(20),
  );
  const started = performance.now();
  expect(languageOf(texts)).toBe('en');
  expect(performance.now() - started).toBeLessThan(2000);
});
