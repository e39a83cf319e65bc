/**
 * Vite plugin: no built script names the host of a content delivery network. Libraries carry such
 * addresses as defaults; Headlight never uses them, and the policy would refuse them. They become names
 * under `.invalid`, which no resolver answers (RFC 2606).
 */
import type { Plugin } from 'vite';

export const CDN_HOSTS =
  /(?:[a-z0-9-]+\.)*(?:jsdelivr\.net|unpkg\.com|cdnjs\.cloudflare\.com|esm\.sh|googleapis\.com|skypack\.dev|tfhub\.dev|gstatic\.com)/gi;

export function noCdnPlugin(): Plugin {
  return {
    name: 'headlight:no-cdn',
    enforce: 'post',
    generateBundle(_options, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type === 'chunk') file.code = file.code.replace(CDN_HOSTS, 'cdn.invalid');
        else if (/\.m?js$/.test(file.fileName)) {
          const text =
            typeof file.source === 'string' ? file.source : new TextDecoder().decode(file.source);
          if (CDN_HOSTS.test(text)) file.source = text.replace(CDN_HOSTS, 'cdn.invalid');
        }
      }
    },
  };
}
