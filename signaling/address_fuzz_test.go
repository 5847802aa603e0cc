package signaling

import (
	"net/http"
	"net/netip"
	"testing"
)

// Whatever headers say, nobody is taken for a trusted proxy's client who is not, and nothing else comes out than an address.
func FuzzForwarded(f *testing.F) {
	f.Add(`for=192.0.2.60;proto=http, for="[2001:db8::1]:4711"`, "203.0.113.7, 10.0.0.1", "https")
	f.Add(`for="_hidden", for=unknown`, "::1, [::1]:80", "wss, http")
	f.Add(`for="a\"b,c";by=x`, ",,,", "")
	trusted := proxies{trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	f.Fuzz(func(t *testing.T, forwarded, xFor, xProto string) {
		r := &http.Request{RemoteAddr: "10.0.0.2:1", Header: http.Header{
			"Forwarded": {forwarded}, "X-Forwarded-For": {xFor}, "X-Forwarded-Proto": {xProto},
		}}
		got := trusted.client(r)
		if !got.address.IsValid() || got.address.Zone() != "" || got.address.Is4In6() {
			t.Fatalf("%+v", got)
		}
		if got.scheme != "" && got.scheme != "http" && got.scheme != "https" {
			t.Fatalf("%+v", got)
		}
	})
}
