package certs

import (
	"slices"
	"strings"
	"testing"
)

func TestCanonicalName(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"localhost", "localhost"},
		{"Example.COM.", "example.com"},
		{"*.example.com", "*.example.com"},
		{"my_host", "my_host"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:DB8:0::1", "2001:db8::1"},
		{"fe80::1%eth0", "fe80::1"},
		{"", ""},
		{".", ""},
		{"a..b", ""},
		{"-a", ""},
		{"a b", ""},
		{"bücher.example", ""},
		{"host:8443", ""},
		{"[::1]", ""},
		{"https://host", ""},
		{"a.*.b", ""},
		{"*", ""},
		{strings.Repeat("a", 64), ""},
		{strings.Repeat("a.", 127) + "a", ""},
	} {
		got, err := canonicalName(test.name)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("canonicalName(%q) = %q, %v, want %q", test.name, got, err, test.want)
		}
	}
}

func TestNamesOf(t *testing.T) {
	for _, test := range []struct {
		host string
		want []string
	}{
		{"box", []string{"box", "box.local"}},
		{"Box.local", []string{"box.local", "box"}},
		{"box.example.com", []string{"box.example.com", "box", "box.local"}},
		{"Ann's box", nil},
		{"", nil},
	} {
		if got := namesOf(test.host); !slices.Equal(got, test.want) {
			t.Errorf("namesOf(%q) = %q, want %q", test.host, got, test.want)
		}
	}
}

func TestHostNames(t *testing.T) {
	names := hostNames()
	for _, want := range []string{"localhost", "127.0.0.1", "::1"} {
		if !slices.Contains(names, want) {
			t.Errorf("%q is missing in %q", want, names)
		}
	}
	if canonical, err := canonicalNames(names); err != nil || !slices.Equal(canonical, names) {
		t.Errorf("the host's names %q are not canonical: %q, %v", names, canonical, err)
	}
}
