import { describe, expect, it } from "vitest";
import { parseAddress } from "../../src/key/ip.ts";
import { isPublic, readTarget } from "../../src/webhook/target.ts";

const messageOf = (url: string, toLoopback = false): string => {
  const reading = readTarget(url, toLoopback, []);
  return reading.ok ? "ok" : reading.message;
};
const PUBLIC = "must lead to a public address";

describe("a webhook's URL", () => {
  it.each([
    "https://api.example.com/hooks",
    "https://API.Example.COM/",
    "https://api.example.com./",
    "https://api.example.com:443/",
    "https://api.example.com:8443/",
    "https://api%2eexample.com/",
    "https://bücher.example/",
    "https://xn--bcher-kva.example/",
  ])("must not be %s, where the origin or the deployment itself is", (url) => {
    const reading = readTarget(url, false, ["api.example.com", "xn--bcher-kva.example"]);
    expect(reading.ok ? "ok" : reading.message).toBe("must not lead to the origin or to this deployment itself");
    expect(readTarget(url, false, ["other.example.com"]).ok).toBe(true);
  });

  it.each([
    ["https://hooks.example.com/rekey", "hooks.example.com"],
    ["https://hooks.example.com:8443/a?b=c", "hooks.example.com"],
    ["https://HOOKS.example.com./a", "hooks.example.com"],
    ["https://xn--bcher-kva.example/", "xn--bcher-kva.example"],
    ["https://8.8.8.8/", null],
    ["https://[2606:4700::1111]/", null],
  ])("may be %s, and says which name has to be looked up", (url, lookUp) => {
    expect(readTarget(url, false, [])).toMatchObject({ ok: true, lookUp });
  });

  it.each([
    ["hooks.example.com", "is not a URL"],
    ["", "is not a URL"],
    ["http://hooks.example.com/", "must be https"],
    ["ftp://hooks.example.com/", "must be https"],
    ["javascript:alert(1)", "must be https"],
    ["file:///etc/passwd", "must be https"],
    ["https://user:secret@hooks.example.com/", "must not hold credentials"],
    ["https://user@hooks.example.com/", "must not hold credentials"],
    ["https://hooks.example.com/#top", "must not have a fragment"],
  ])("may not be %s: it %s", (url, message) => {
    expect(messageOf(url)).toBe(message);
  });

  it.each([
    "https://hooks.example.com\\@evil.example/",
    "https:\\\\hooks.example.com/",
    "https:/hooks.example.com/",
    "https:hooks.example.com/",
    "https:///hooks.example.com/",
    " https://hooks.example.com/",
    "https://hooks.example.com/ ",
    "https://hooks.example.com/a b",
    "https://hooks.exa\tmple.com/",
    "https://hooks.example.com/\u00a0",
  ])("may not be read in two ways: %j", (url) => {
    const plainly = "must be written plainly, like https://example.com/path";
    expect(messageOf(url)).toBe(plainly);
    expect(messageOf(url.replace("hooks.example.com", "localhost"), true)).toBe(plainly);
  });

  // Every notation by which one address can be written, and every address that is not one of the public internet.
  it.each([
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://%31%32%37.0.0.1/",
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://100.127.255.255/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0xa9fea9fe/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.0.0.192/",
    "https://192.168.0.1/",
    "https://198.18.0.1/",
    "https://203.0.113.5/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[100::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001::1]/",
    "https://[2001:db8::1]/",
    "https://[2002:7f00:1::]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://api.localhost/",
    "https://router/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://nas.home.arpa/",
    "https://intranet.lan/",
  ])("may not lead to %s", (url) => {
    expect(messageOf(url)).toBe(PUBLIC);
  });

  it.each(["http://127.0.0.1:9000/", "http://localhost:9000/", "http://[::1]:9000/", "https://127.0.0.1/"])(
    "%s is for local runs that say so",
    (url) => {
      expect(messageOf(url)).not.toBe("ok");
      expect(readTarget(url, true, [])).toMatchObject({ ok: true, lookUp: null });
    },
  );

  it.each([
    "http://10.0.0.1/",
    "https://10.0.0.1/",
    "http://hooks.example.com/",
    "https://169.254.169.254/",
    "ftp://127.0.0.1/",
  ])("%s is not, even there", (url) => {
    expect(messageOf(url, true)).not.toBe("ok");
  });
});

describe("an address", () => {
  it.each([
    ["9.255.255.255", true],
    ["10.0.0.0", false],
    ["10.255.255.255", false],
    ["11.0.0.0", true],
    ["100.63.255.255", true],
    ["100.128.0.0", true],
    ["169.253.255.255", true],
    ["169.255.0.0", true],
    ["172.15.255.255", true],
    ["172.32.0.0", true],
    ["192.167.255.255", true],
    ["192.169.0.0", true],
    ["198.17.255.255", true],
    ["198.20.0.0", true],
    ["223.255.255.255", true],
    ["1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false],
    ["2000::", true],
    ["2001:200::", true],
    ["2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false],
    ["2003::", true],
    ["3ffe::1", true],
    ["3fff:1000::", true],
    ["4000::", false],
    ["::ffff:8.8.8.8", true],
    ["::ffff:10.0.0.1", false],
  ])("%s is public: %s", (text, expected) => {
    expect(isPublic(parseAddress(text)!)).toBe(expected);
  });
});
