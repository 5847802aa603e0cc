package signaling

import (
	"cmp"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

// client is whose request it is, as far as the way that it came can be trusted.
type client struct {
	address netip.Addr // without port and zone, IPv4 plain; the zero value where it cannot be told
	remote  string     // the same for the log, with the port where the client's own is known
	scheme  string     // https or http as the browser sees it, empty where it is not known
}

// host gives the address in words, "" where it cannot be told.
func (c client) host() string {
	if !c.address.IsValid() {
		return ""
	}
	return c.address.String()
}

// proxies tells clients from the proxies in front of the server.
type proxies struct {
	trusted []netip.Prefix
	tls     bool // the server has TLS itself
	log     zerolog.Logger

	warned *sync.Once // that an untrusted proxy makes one client of all of its
}

// hop is what one proxy says of who has asked it.
type hop struct {
	address netip.Addr // the zero value where it does not say, or not in a form that can be believed
	scheme  string
}

// client finds out whose request it is: that of the nearest address which is no trusted proxy. What others say of whom they
// forward for is worth nothing, since anyone can say it.
func (p proxies) client(r *http.Request) client {
	near := parseAddress(r.RemoteAddr, true)
	c := client{address: near, remote: r.RemoteAddr}
	if p.tls {
		c.scheme = "https"
	}
	forwarded, xForwarded := forwardedHops(r.Header), xForwardedHops(r.Header)
	if !p.trusts(near) {
		if len(forwarded)+len(xForwarded) > 0 {
			p.warn(near)
		}
		return c
	}
	said := hop{address: near}
	switch {
	case len(xForwarded) == 0:
		said = p.walk(near, forwarded)
	case len(forwarded) == 0:
		said = p.walk(near, xForwarded)
	default: // a proxy sets one of the two, and the other may be the client's own invention
		if one, other := p.walk(near, forwarded), p.walk(near, xForwarded); one.address == other.address {
			said = hop{one.address, cmp.Or(one.scheme, other.scheme)}
		}
	}
	if said.address != near {
		c.address, c.remote = said.address, said.address.String()
	}
	c.scheme = cmp.Or(said.scheme, c.scheme)
	return c
}

// walk goes from the nearest proxy to the first address that is not one. A hop that cannot be believed ends it: the client
// then counts as the proxy that let it through.
func (p proxies) walk(near netip.Addr, hops []hop) hop {
	at := hop{address: near}
	for i := len(hops) - 1; i >= 0 && p.trusts(at.address); i-- {
		at.scheme = hops[i].scheme
		if !hops[i].address.IsValid() {
			break
		}
		at.address = hops[i].address
	}
	return at
}

func (p proxies) trusts(a netip.Addr) bool {
	for _, prefix := range p.trusted {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

func (p proxies) warn(from netip.Addr) {
	p.warned.Do(func() {
		p.log.Warn().Msgf("%s forwards for others and is no trusted proxy: all its clients count as one address, for limits too. "+
			"If it is your proxy, --trusted-proxy %s names it.", from, from)
	})
}

// xForwardedHops reads X-Forwarded-For, the farthest first, each with the scheme that stands as far from the end of
// X-Forwarded-Proto. Proxies mostly keep a single scheme there: that of the first.
func xForwardedHops(h http.Header) []hop {
	addresses, schemes := listed(h, "X-Forwarded-For"), listed(h, "X-Forwarded-Proto")
	hops := make([]hop, max(len(addresses), min(1, len(schemes))))
	for i := range hops {
		if i < len(addresses) {
			hops[i].address = parseAddress(addresses[i], false)
		}
		if len(schemes) > 0 {
			hops[i].scheme = parseScheme(schemes[max(0, len(schemes)-len(hops)+i)])
		}
	}
	return hops
}

// forwardedHops reads Forwarded (RFC 7239), the farthest first.
func forwardedHops(h http.Header) []hop {
	elements := listed(h, "Forwarded")
	hops := make([]hop, len(elements))
	for i, element := range elements {
		// An element has the form of a media type's parameters. An asterisk would make it more than that.
		_, pairs, err := mime.ParseMediaType("forwarded;" + element)
		if err != nil || strings.Contains(element, "*") {
			continue
		}
		hops[i].scheme = parseScheme(pairs["proto"])
		// An IPv6 address stands in brackets here (§6).
		if node := pairs["for"]; strings.HasPrefix(node, "[") || strings.Count(node, ":") < 2 {
			hops[i].address = parseAddress(node, false)
		}
	}
	return hops
}

// listed gives the elements of a header that is a list, over all its lines. A comma in a quoted string parts nothing.
func listed(h http.Header, name string) []string {
	all := strings.Join(h.Values(name), ",")
	if all == "" {
		return nil
	}
	var elements []string
	begin, quoted := 0, false
	for i := 0; i < len(all); i++ {
		switch c := all[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			elements = append(elements, strings.Trim(all[begin:i], " \t"))
			begin = i + 1
		}
	}
	return append(elements, strings.Trim(all[begin:], " \t"))
}

// parseAddress reads an address with or without a port, an IPv6 address in brackets or, without a port, bare. Only what the
// system itself says of a connection may have a zone, which is left out.
func parseAddress(s string, zone bool) netip.Addr {
	host := s
	if rest, ok := strings.CutPrefix(s, "["); ok {
		inside, port, closed := strings.Cut(rest, "]")
		if !closed || port != "" && !isPort(port) || !strings.Contains(inside, ":") {
			return netip.Addr{}
		}
		host = inside
	} else if before, port, ok := strings.Cut(s, ":"); ok && !strings.Contains(port, ":") {
		if !isPort(":" + port) {
			return netip.Addr{}
		}
		host = before
	}
	a, err := netip.ParseAddr(host)
	if err != nil || a.Zone() != "" && !zone {
		return netip.Addr{}
	}
	return a.WithZone("").Unmap()
}

func isPort(s string) bool {
	digits, ok := strings.CutPrefix(s, ":")
	_, err := strconv.ParseUint(digits, 10, 16)
	return ok && err == nil
}

// parseScheme gives the scheme of a page that a request could come from: some proxies tell a WebSocket's.
func parseScheme(s string) string {
	switch strings.ToLower(s) {
	case "https", "wss":
		return "https"
	case "http", "ws":
		return "http"
	}
	return ""
}

// network is what counts as one address for limits: an IPv6 subscriber has a /64 to choose from.
func network(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a, 64).Masked().Addr()
}
