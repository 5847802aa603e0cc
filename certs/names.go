package certs

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
)

// A node of a cluster may have thousands of addresses, and each handshake carries the certificate.
const maxHostAddresses = 64

var dnsName = regexp.MustCompile(`^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)

// canonicalName returns the one spelling of a host name or an address by which names are compared.
func canonicalName(name string) (string, error) {
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Unmap().WithZone("").String(), nil
	}
	canonical := strings.ToLower(strings.TrimSuffix(name, "."))
	if len(canonical) > 253 || !dnsName.MatchString(canonical) {
		return "", fmt.Errorf("%q is neither a host name (in ASCII, without port) nor an address", name)
	}
	return canonical, nil
}

func canonicalNames(names []string) ([]string, error) {
	var canonical []string
	for _, name := range names {
		c, err := canonicalName(name)
		if err != nil {
			return nil, err
		}
		canonical = appendNew(canonical, c)
	}
	return canonical, nil
}

// hostNames returns the names and addresses by which this host can be reached now. It asks no name
// server: a slow one would hold up the start, and each handshake that renews.
func hostNames() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, namesOf(host)...)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return names
	}
	count := 0
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || !reachable(prefix.Addr()) {
			continue
		}
		if count++; count > maxHostAddresses {
			break
		}
		names = appendNew(names, prefix.Addr().Unmap().String())
	}
	return names
}

// namesOf returns what others may call a host of this name: the name, its first label, and that
// label in the domain of multicast DNS. A host may be called something that is no name at all.
func namesOf(host string) []string {
	short, _, _ := strings.Cut(host, ".")
	var names []string
	for _, name := range []string{host, short, short + ".local"} {
		if canonical, err := canonicalName(name); err == nil {
			names = appendNew(names, canonical)
		}
	}
	return names
}

// reachable leaves out what no URL in a browser can say: an IPv6 address that needs a zone.
func reachable(addr netip.Addr) bool {
	return addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() && (addr.Is4() || !addr.IsLinkLocalUnicast())
}

func appendNew(names []string, name string) []string {
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}
