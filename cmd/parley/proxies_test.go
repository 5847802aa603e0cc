package main

import (
	"bytes"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/pires/go-proxyproto"
)

// dialThrough opens the endpoint as a proxy does that says for whom: by the PROXY protocol, and by headers inside.
func (s *testServer) dialThrough(t *testing.T, scheme, client string, header http.Header) (*websocket.Conn, error) {
	t.Helper()
	dialer := websocket.Dialer{TLSClientConfig: clientTLS(t), NetDial: func(string, string) (net.Conn, error) {
		c, err := net.Dial("tcp", s.public.String())
		if err != nil || client == "" {
			return c, err
		}
		from, err := net.ResolveTCPAddr("tcp", client)
		if err != nil {
			return nil, err
		}
		_, err = proxyproto.HeaderProxyFromAddrs(2, from, s.public).WriteTo(c)
		return c, err
	}}
	ws, response, err := dialer.DialContext(t.Context(), scheme+"://"+onLocalhost(s.public)+"/ws", header)
	if response != nil {
		_ = response.Body.Close()
	}
	if ws != nil {
		t.Cleanup(func() { _ = ws.Close() })
	}
	return ws, err
}

func TestTheAddressBehindATrustedProxy(t *testing.T) {
	for _, mode := range []struct{ tls, scheme string }{{"dev", "wss"}, {"off", "ws"}} {
		s := startServer(t, "--tls="+mode.tls, "--trusted-proxy=127.0.0.0/8")
		for _, test := range []struct {
			client string
			header http.Header
			want   string
		}{
			{"203.0.113.7:4711", nil, "203.0.113.7:4711"},
			{"[2001:db8::7]:4711", nil, "[2001:db8::7]:4711"},
			{"", http.Header{"X-Forwarded-For": {"203.0.113.8"}}, "203.0.113.8"},
			{"203.0.113.9:4711", http.Header{"X-Forwarded-For": {"198.51.100.1"}}, "203.0.113.9:4711"}, // which is no proxy
			{"127.0.0.2:4711", http.Header{"X-Forwarded-For": {"203.0.113.10"}}, "203.0.113.10"},       // which is one
		} {
			ws, err := s.dialThrough(t, mode.scheme, test.client, test.header)
			if err != nil {
				t.Fatalf("%+v: %v", test, err)
			}
			join(t, ws, "kitchen")
			if !strings.Contains(s.log.String(), "remote="+test.want+"\n") {
				t.Errorf("%+v: the log lacks %s", test, test.want)
			}
		}
	}
}

// Who is not trusted gets nowhere with the PROXY protocol, and its headers are not looked at.
func TestNoProxyProtocolFromOthers(t *testing.T) {
	for _, args := range [][]string{{}, {"--trusted-proxy=192.0.2.0/24"}} {
		s := startServer(t, args...)
		if _, err := s.dialThrough(t, "wss", "203.0.113.7:4711", nil); err == nil {
			t.Error("it is let in over TLS")
		}
		ws, err := s.dialThrough(t, "wss", "", http.Header{"X-Forwarded-For": {"203.0.113.8"}})
		if err != nil {
			t.Fatal(err)
		}
		join(t, ws, "kitchen")
		plain := startServer(t, append(args, "--tls=off")...)
		if _, err := plain.dialThrough(t, "ws", "203.0.113.7:4711", nil); err == nil {
			t.Error("it is let in without TLS")
		}
		if log := s.log.String() + plain.log.String(); strings.Contains(log, "203.0.113") || strings.Count(log, "--trusted-proxy 127.0.0.1") != 1 {
			t.Errorf("log:\n%s", log)
		}
	}
}

func TestAProxyProtocolHeaderOfNoClient(t *testing.T) {
	s := startServer(t, "--trusted-proxy=127.0.0.1")
	c, err := net.Dial("tcp", s.public.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("PROXY UNKNOWN\r\n")); err != nil { // as a health check of the proxy's own
		t.Fatal(err)
	}
	config := clientTLS(t)
	config.ServerName = "localhost"
	secure := tls.Client(c, config)
	if _, err := secure.Write([]byte("GET /healthz HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(secure); err != nil || !strings.Contains(answer.String(), "200 OK") {
		t.Errorf("%v: %s", err, &answer)
	}
}
