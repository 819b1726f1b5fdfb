import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** cert.pem and key.pem in `folder`: signed by itself, for a day; no key is in the repository. */
export function makeCertificate(folder: string): void {
  const names = 'subjectAltName=DNS:localhost,DNS:list.example,IP:127.0.0.1';
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const about = ['-days', '1', '-subj', '/CN=localhost', '-addext', names];
  execFileSync('openssl', ['req', '-x509', '-nodes', ...curve, ...about, ...files], {
    stdio: 'ignore',
  });
}
