package main

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"parley/certs"
)

// maxNetworkURLs is how many addresses of this host are shown: one of them is usually the right one.
const maxNetworkURLs = 3

// greet says what a person needs to know once the server runs: where it is, whether browsers trust it, who may come in, and
// what does not work yet.
func greet(log zerolog.Logger, s *Settings, tls tlsSetup, at addresses) {
	here, network := urls(s, at.public, interfaceAddresses())
	log.Info().Msgf("Parley is at %s", here)
	if len(network) > 0 {
		log.Info().Msgf("For others on this network: %s", strings.Join(network, " "))
	}
	switch {
	case tls.dev != nil:
		greetDev(log, tls.dev, here)
	case s.TLS == tlsOff:
		log.Info().Msg("TLS is off: a proxy in front must have it, because browsers give camera and microphone to secure pages only.")
	default:
		warnOfExpiry(log, tls.source.NotAfter(), time.Now())
	}
	switch {
	case s.RequireToken:
		log.Info().Msg("Nobody joins without a token.")
	case s.AuthWebhook != "": // said below
	case s.checksTokens():
		log.Warn().Msg("Rooms are open to everybody who can reach this address: tokens are checked, but only --require-token asks for one.")
	default:
		log.Info().Msg("Rooms are open to everybody who can reach this address.")
	}
	if s.AuthWebhook != "" {
		log.Info().Msg("Nobody joins without a yes from --auth-webhook.")
	}
	if len(s.ICEServer) == 0 {
		log.Info().Msg("No ICE server: calls work within one network. Beyond it: --ice-server stun:HOST, and a turn: server.")
	}
	if at.admin != nil {
		log.Info().Msgf("Metrics are at http://%s/metrics%s", at.admin, adminAPIWords(s, at.admin))
	}
}

// adminAPIWords says who may use the admin API.
func adminAPIWords(s *Settings, at net.Addr) string {
	switch {
	case s.AdminToken+s.AdminTokenFile != "":
		return fmt.Sprintf(", and the admin API at http://%s/api/v1/rooms for whoever has the token", at)
	case onLoopback(at):
		return fmt.Sprintf(", and the admin API at http://%s/api/v1/rooms for everybody on this host", at)
	}
	return ", and nothing else: the admin API needs --admin-token here"
}

func greetDev(log zerolog.Logger, dev *certs.Dev, here string) {
	authority := dev.Authority()
	if w := dev.Warning(); w != "" {
		log.Warn().Msg(w)
	}
	log.Info().Msgf("Browsers warn until they trust this server's own authority: %s says how.", strings.TrimSuffix(here, "/")+certs.AuthorityPagePath)
	if authority.Path != "" { // else the warning has said that it is in memory
		log.Info().Msgf("Its certificate is %s (`parley ca` prints it)", authority.Path)
	}
	log.Info().Msgf("SHA-256 %s", authority.Fingerprint)
}

// urls gives the page's address on this host, and where the server listens on all addresses, those for others.
func urls(s *Settings, public net.Addr, all []net.IP) (here string, network []string) {
	tcp, ok := public.(*net.TCPAddr)
	if !ok {
		return public.String(), nil
	}
	if !tcp.IP.IsUnspecified() {
		if tcp.IP.IsLoopback() {
			return pageURL(s, "localhost", tcp.Port), nil
		}
		return pageURL(s, tcp.IP.String(), tcp.Port), nil
	}
	for _, ip := range all {
		if len(network) < maxNetworkURLs {
			network = append(network, pageURL(s, ip.String(), tcp.Port))
		}
	}
	return pageURL(s, "localhost", tcp.Port), network
}

func pageURL(s *Settings, host string, port int) string {
	u := url.URL{Scheme: "https", Path: "/", Host: net.JoinHostPort(host, strconv.Itoa(port))}
	usual := 443
	if s.TLS == tlsOff {
		u.Scheme, usual = "http", 80
	}
	if port == usual {
		u.Host = strings.TrimSuffix(u.Host, ":"+strconv.Itoa(port))
	}
	return u.String()
}

// interfaceAddresses are those of this host that others can reach it by: IPv4, or IPv6 where there is no IPv4.
func interfaceAddresses() []net.IP {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil // only the greeting is poorer
	}
	var v4, v6 []net.IP
	for _, a := range all {
		network, ok := a.(*net.IPNet)
		switch {
		case !ok || !network.IP.IsGlobalUnicast():
		case network.IP.To4() != nil:
			v4 = append(v4, network.IP)
		default:
			v6 = append(v6, network.IP)
		}
	}
	if len(v4) > 0 {
		return v4
	}
	return v6
}
