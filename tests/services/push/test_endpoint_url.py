"""The form of endpoints. Forms that other parsers read in another way get nowhere."""

import pytest

from server.services.push.endpoint_url import EndpointUrl, parse_endpoint

VALID = {
    "https://push.example.com/abc": EndpointUrl("push.example.com", 443, "/abc"),
    "https://push.example.com:443/a/b?c=d%2F": EndpointUrl("push.example.com", 443, "/a/b?c=d%2F"),
    "https://xn--bcher-kva.example/": EndpointUrl("xn--bcher-kva.example", 443, "/"),
    "https://push.example.com": EndpointUrl("push.example.com", 443, "/"),
    "https://93.184.215.14/x": EndpointUrl("93.184.215.14", 443, "/x"),
    "https://[2606:4700::1111]/x": EndpointUrl("2606:4700::1111", 443, "/x"),
}
# Under every setting.
INVALID = {
    "http": "http://push.example.com/",
    "other scheme": "file:///etc/passwd",
    "upper-case scheme": "HTTPS://push.example.com/",
    "no host": "https:///x",
    "user": "https://user@push.example.com/",
    "user and password": "https://user:word@push.example.com/",
    "user that looks like a host": "https://push.example.com:443@10.0.0.1/",
    "fragment": "https://push.example.com/#x",
    "query at the host": "https://push.example.com?x",
    "backslash": "https://push.example.com\\@10.0.0.1/",
    "space": "https://push.example.com/a b",
    "line break": "https://push.example.com/\r\nHost: other",
    "trailing line break": "https://push.example.com/\n",
    "NUL": "https://push.example.com/\0",
    "upper-case host": "https://PUSH.example.com/",
    "trailing dot": "https://push.example.com./",
    "trailing dot of an address": "https://127.0.0.1./",
    "empty label": "https://push..example.com/",
    "long label": f"https://{'a' * 64}.example.com/",
    "long name": f"https://{'a.' * 127}example/",
    "hyphen first": "https://-push.example.com/",
    "underscore": "https://my_push.example.com/",
    "percent-encoded host": "https://%31%32%37.0.0.1/",
    "letters beyond ASCII": "https://bücher.example/",
    "full-width digits": "https://１２７.0.0.1/",
    "ideographic full stop": "https://127。0。0。1/",
    "circled digits": "https://①②⑦.0.0.1/",
    "soft hyphen": "https://local\u00adhost.example/",
    "decimal": "https://2130706433/",
    "octal": "https://0177.0.0.1/",
    "octal throughout": "https://017700000001/",
    "hexadecimal": "https://0x7f.0.0.1/",
    "short hexadecimal": "https://0x7f.1/",
    "hexadecimal throughout": "https://0x7f000001/",
    "two parts": "https://127.1/",
    "three parts": "https://127.0.1/",
    "five parts": "https://127.0.0.0.1/",
    "part too large": "https://127.0.0.256/",
    "zeros": "https://127.0.0.001/",
    "name that ends in a number": "https://push.example.1/",
    "zone id": "https://[fe80::1%eth0]/",
    "encoded zone id": "https://[fe80::1%25eth0]/",
    "upper-case IPv6": "https://[2606:4700::ABCD]/",
    "long IPv6": "https://[2606:4700:0:0:0:0:0:1111]/",
    "IPv6 without brackets": "https://2606:4700::1111/",
    "name in brackets": "https://[push.example.com]/",
    "IPv4 in brackets": "https://[127.0.0.1]/",
    "future address": "https://[v1.1]/",
    "empty brackets": "https://[]/",
    "port 0": "https://push.example.com:0/",
    "port with zeros": "https://push.example.com:0443/",
    "port too large": "https://push.example.com:65536/",
    "port that overflows": "https://push.example.com:65979/",
    "empty port": "https://push.example.com:/",
}
# Only in a network of one's own.
PRIVATE = {
    "https://push.example.com:8443/": EndpointUrl("push.example.com", 8443, "/"),
    "https://push.example.com:80/": EndpointUrl("push.example.com", 80, "/"),
    "https://ntfy/abc": EndpointUrl("ntfy", 443, "/abc"),
    "https://localhost/abc": EndpointUrl("localhost", 443, "/abc"),
    "https://me.localhost/abc": EndpointUrl("me.localhost", 443, "/abc"),
}


class TestParseEndpoint:
    @pytest.mark.parametrize("text", VALID)
    @pytest.mark.parametrize("allow_private", [False, True])
    def test_returns_parts(self, text: str, allow_private: bool) -> None:
        assert parse_endpoint(text, allow_private=allow_private) == VALID[text]

    @pytest.mark.parametrize("name", INVALID)
    @pytest.mark.parametrize("allow_private", [False, True])
    def test_rejects_other_forms(self, name: str, allow_private: bool) -> None:
        with pytest.raises(ValueError, match="must"):
            parse_endpoint(INVALID[name], allow_private=allow_private)

    @pytest.mark.parametrize("text", PRIVATE)
    def test_accepts_local_names_and_ports_if_private_ones_are_allowed(self, text: str) -> None:
        assert parse_endpoint(text, allow_private=True) == PRIVATE[text]
        with pytest.raises(ValueError, match="must"):
            parse_endpoint(text, allow_private=False)


class TestEndpointUrl:
    def test_omits_default_port(self) -> None:
        assert EndpointUrl("push.example.com", 443, "/").origin == "https://push.example.com"

    def test_keeps_other_port(self) -> None:
        assert EndpointUrl("ntfy", 8443, "/").origin == "https://ntfy:8443"

    def test_puts_ipv6_into_brackets(self) -> None:
        assert EndpointUrl("2606:4700::1111", 443, "/").authority == "[2606:4700::1111]"
