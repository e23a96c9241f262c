import { generateKeyPairSync, sign } from 'node:crypto';

const [INTEGER, BIT_STRING, OCTET_STRING, OID, UTF8_STRING, UTC_TIME, SEQUENCE, SET] = [
  2, 3, 4, 6, 12, 23, 0x30, 0x31,
] as const;
const [VERSION, DNS_NAME, EXTENSIONS] = [0xa0, 0x82, 0xa3] as const;
const DAY = 24 * 60 * 60 * 1_000;

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function time(at: number): Buffer {
  return der(UTC_TIME, Buffer.from(`${new Date(at).toISOString().replaceAll(/\D/g, '').slice(2, 14)}Z`));
}

/** A certificate of nobody’s, signed by itself, for a server of one test. */
export function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = der(SEQUENCE, der(OID, Buffer.from('2a8648ce3d040302', 'hex')));
  const commonName = der(SEQUENCE, der(OID, Buffer.from('550403', 'hex')), der(UTF8_STRING, Buffer.from('test')));
  const name = der(SEQUENCE, der(SET, commonName));
  const hosts = der(SEQUENCE, der(DNS_NAME, Buffer.from('*.test')));
  const alternativeNames = der(SEQUENCE, der(OID, Buffer.from('551d11', 'hex')), der(OCTET_STRING, hosts));
  const content = der(
    SEQUENCE,
    der(VERSION, der(INTEGER, Buffer.from([2]))),
    der(INTEGER, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    der(SEQUENCE, time(Date.now() - DAY), time(Date.now() + DAY)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(EXTENSIONS, der(SEQUENCE, alternativeNames)),
  );
  const signature = der(BIT_STRING, Buffer.from([0]), sign('sha256', content, privateKey));
  const cert = der(SEQUENCE, content, ecdsaWithSha256, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${cert.replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
  };
}
