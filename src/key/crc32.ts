const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/**
 * CRC-32 of an ASCII text, as an unsigned 32-bit integer.
 * Source: ISO 3309 (the polynomial of Ethernet, gzip and PNG), reflected, initial and final value all ones.
 */
export function crc32(ascii: string): number {
  let crc = 0xffffffff;
  for (let at = 0; at < ascii.length; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ ascii.charCodeAt(at)) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}
