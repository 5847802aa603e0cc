package main

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
)

func TestNodeAddresses(t *testing.T) {
	for _, test := range []struct {
		url    string
		others []string
		want   []string
	}{
		{"wss://a.example/ws", nil, nil},
		{"wss://a.example/ws", []string{"b:1"}, []string{"a.example:443", "b:1"}},
		{"ws://a.example/ws", []string{"b:1"}, []string{"a.example:80", "b:1"}},
		{"wss://[::1]:7/ws", []string{"b:1", "c:2"}, []string{"[::1]:7", "b:1", "c:2"}},
	} {
		if got := nodeAddresses(test.url, test.others); !slices.Equal(got, test.want) {
			t.Errorf("%s and %q: %q", test.url, test.others, got)
		}
	}
}

func TestEachConnectionGoesToTheNextNode(t *testing.T) {
	var dialled []string
	dial := func(_ context.Context, _, address string) (net.Conn, error) {
		dialled = append(dialled, address)
		return nil, errors.New("nobody there")
	}
	next := rotate([]string{"a", "b", "c"}, 1, dial)
	for range 4 {
		_, _ = next(t.Context(), "tcp", "url")
	}
	_, _ = rotate(nil, 1, dial)(t.Context(), "tcp", "url")
	if want := []string{"b", "c", "a", "b", "url"}; !slices.Equal(dialled, want) {
		t.Errorf("dialled %q", dialled)
	}
}
