package client_test

import (
	"testing"
	"testing/synctest"

	"parley/signaling/client"
)

// A message of the server's operator is from nobody.
func TestOperatorsMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c, m := f.join(nil)
		m.send(`{"type":"message","data":{"text":"noon"},"from":"","seq":1}`)
		if e := next[client.Signal](t, c); e.From != "" || e.Type != "message" || string(e.Data) != `{"text":"noon"}` {
			t.Errorf("signal %+v", e)
		}
	})
}
