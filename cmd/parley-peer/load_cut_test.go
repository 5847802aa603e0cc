package main

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

func TestCuts(t *testing.T) {
	listener, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for name, test := range map[string]struct {
		kind    cutKind
		written int // of ten bytes, as the writer is told
		fails   bool
		arrives int
	}{
		"at once":                {cutReset, 0, true, 0},
		"in the middle":          {cutHalf, 5, true, 5},
		"and nobody is told yet": {cutSilent, 10, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cutter := &cutter{mean: 24 * 365 * time.Hour}
			conn, err := cutter.dial(t.Context(), "tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			other, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if _, err := other.Write([]byte("unread")); err != nil && test.kind != cutReset {
				t.Error(err)
			}
			conn.(*cutConn).end(test.kind)
			n, err := conn.Write(make([]byte, 10))
			var network net.Error
			if n != test.written || (err != nil) != test.fails || err != nil && !errors.As(err, &network) {
				t.Errorf("%d bytes written, %v", n, err)
			}
			if n, err := conn.Read(make([]byte, 10)); n != 0 || !errors.As(err, &network) {
				t.Errorf("%d bytes read, %v", n, err)
			}
			if arrived, _ := io.ReadAll(other); len(arrived) > test.arrives || test.kind == cutSilent && len(arrived) != 0 {
				t.Errorf("%d bytes arrived", len(arrived))
			}
			if cuts := cutter.cuts.Load(); cuts != 1 {
				t.Errorf("%d cuts", cuts)
			}
		})
	}
}
