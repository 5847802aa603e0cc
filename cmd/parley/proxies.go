package main

import (
	"net"
	"net/netip"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/pires/go-proxyproto"
)

// networks is a setting that names addresses.
type networks []netip.Prefix

// Decode adds what one flag, the environment variable (with commas between them) or the file says.
func (n *networks) Decode(ctx *kong.DecodeContext) error {
	var texts list
	if err := texts.Decode(ctx); err != nil {
		return err
	}
	for _, text := range texts {
		prefix, err := parseNetwork(text)
		if err != nil {
			return err
		}
		*n = append(*n, prefix)
	}
	return nil
}

// parseNetwork takes a CIDR block, or one address. IPv4 in an IPv6 form is made plain, as clients' addresses are.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			a = a.Unmap()
			return netip.PrefixFrom(a, a.BitLen()), nil
		}
	}
	prefix, err := netip.ParsePrefix(text)
	const mapped = 96 // bits before an IPv4 address
	switch {
	case err != nil || prefix.Addr().Is4In6() && prefix.Bits() < mapped:
		return netip.Prefix{}, invalid("%q is not an address or a CIDR block, such as 10.0.0.0/8 or fd00::/8", text)
	case prefix.Addr().Is4In6():
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped)
	}
	return prefix.Masked(), nil
}

func (n networks) contain(at net.Addr) bool {
	from, err := netip.ParseAddrPort(at.String())
	if err != nil {
		return false
	}
	address := from.Addr().WithZone("").Unmap()
	for _, prefix := range n {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// listener takes from these addresses the PROXY protocol, by which a proxy that does not look into the connection tells whose
// it is. From others it is not looked for: to the server it is no TLS and no HTTP, which ends the connection.
func (n networks) listener(l net.Listener) net.Listener {
	if len(n) == 0 {
		return l
	}
	return &proxyproto.Listener{
		Listener: l,
		ConnPolicy: func(c proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			if n.contain(c.Upstream) {
				return proxyproto.USE, nil
			}
			return proxyproto.SKIP, nil
		},
		ReadHeaderTimeout: headerWithin,
	}
}
