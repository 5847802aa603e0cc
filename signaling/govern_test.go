package signaling_test

import (
	"testing"
	"time"

	"parley/rooms"
	"parley/signaling/protocol"
	"parley/signaling/token"
)

// may gives a token these rights, and no others.
func may(rights ...token.Right) func(*token.Claims) {
	return func(c *token.Claims) { c.May = rights }
}

func TestWhoMayKickAndLock(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		host, joined := s.join(ticket(t, may(token.MayJoin, token.MayKick, token.MayLock)))
		if got := string(joined["may"]); got != `["kick","lock"]` {
			t.Fatalf("the host is told of %s", got)
		}
		for _, members := range [][]string{nil, {ticket(t, nil)}, {ticket(t, may(token.MayJoin, token.MayBroadcast))}} {
			guest, joined := s.join(members...)
			host.want("peer-joined")
			if got := string(joined["may"]); got != "" {
				t.Fatalf("a guest is told of %s", got)
			}
			guest.say(`{"type":"kick","about":%q}`, host.id)
			guest.wantError(protocol.CodeForbidden)
			guest.say(`{"type":"lock","locked":true}`)
			guest.wantError(protocol.CodeForbidden)
			guest.say(`{"type":"leave"}`)
			guest.wantClose(protocol.CloseNormal)
			host.want("peer-left")
		}
		half, _ := s.join(ticket(t, may(token.MayJoin, token.MayLock)))
		host.want("peer-joined")
		half.say(`{"type":"kick","about":%q}`, host.id)
		half.wantError(protocol.CodeForbidden)
	})
}

func TestAKick(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		host, _ := s.join(ticket(t, may(token.MayJoin, token.MayKick)))
		ann, joined := s.join()
		host.want("peer-joined")
		host.say(`{"type":"kick","about":%q,"reason":"noise","seq":1}`, ann.id)
		ann.wantClose(protocol.CloseKicked)
		if left := host.want("peer-left"); left.str("reason") != "kicked" || left.str("peer") != ann.id {
			t.Fatalf("the host hears %s", left)
		}
		host.say(`{"type":"kick","about":%q,"seq":2}`, ann.id) // it is gone, as was wished
		host.say(`{"type":"kick","about":"nobody","seq":3}`)
		host.fence()
		host.say(`{"type":"kick","about":%q,"seq":4}`, host.id)
		host.wantError(protocol.CodeBadMessage)
		back := s.dial()
		back.say(`{"type":"resume","session":%q,"received":0}`, joined.str("session"))
		back.wantError(protocol.CodeSessionLost)
	})
}

func TestALockedRoom(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		host := ticket(t, may(token.MayJoin, token.MayLock))
		ann, _ := s.join(host)
		ben, _ := s.join()
		ann.want("peer-joined")
		ann.say(`{"type":"lock","locked":true,"seq":1}`)
		for _, p := range []*peer{ann, ben} {
			if told := p.want("room-updated"); string(told["locked"]) != "true" {
				t.Fatalf("%s", told)
			}
		}
		ann.say(`{"type":"lock","locked":true,"seq":2}`) // nothing changes, and nobody hears of it
		ann.fence()
		ben.fence()
		stranger := s.dial()
		stranger.say(`{"type":"join","room":"r"}`)
		stranger.wantError(protocol.CodeRoomClosed)
		_, joined := s.join(host)
		if string(joined["locked"]) != "true" {
			t.Fatalf("a host is told %s", joined)
		}
		ann.want("peer-joined")
		ben.want("peer-joined")
		ann.say(`{"type":"lock","locked":false,"seq":3}`)
		ann.want("room-updated")
		stranger.say(`{"type":"join","room":"r"}`)
		stranger.want("joined")
	})
}

func TestARoomWithAPassword(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		s.join()
		_, err := s.engine.Govern(t.Context(), "r", func(p *rooms.Policy) { p.Password = rooms.PasswordDigest("r", "sesame") })
		if err != nil {
			t.Fatal(err)
		}
		p := s.dial()
		for _, wrong := range []string{`{"type":"join","room":"r"}`, `{"type":"join","room":"r","password":"barley"}`} {
			p.say("%s", wrong)
			p.wantError(protocol.CodeForbidden)
		}
		p.say(`{"type":"join","room":"r","password":"sesame"}`)
		p.want("joined")
	})
}

func TestARoomIsClosed(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		ann, _ := s.join()
		ben, joined := s.join(ticket(t, may(token.MayJoin, token.MayClose)))
		if got := string(joined["may"]); got != `["close"]` {
			t.Fatalf("the host is told of %s", got)
		}
		ben.say(`{"type":"close","seq":1}`)
		ann.want("peer-joined")
		for _, p := range []*peer{ann, ben} {
			p.wantClose(protocol.CloseRoomClosed)
		}
	})
}

// wait has a newcomer come to a waiting room, and gives its knock as a host hears of it.
func wait(t *testing.T, s *service, host *peer, name string) (guest *peer, knock string) {
	t.Helper()
	guest = s.dial()
	guest.say(`{"type":"join","room":"r","name":%q}`, name)
	guest.want("waiting")
	told := host.want("knock")
	if told.str("name") != name {
		t.Fatalf("the host hears %s", told)
	}
	return guest, told.str("knock")
}

func waitingRoom(t *testing.T, s *service) (host *peer) {
	t.Helper()
	host, joined := s.join(ticket(t, may(token.MayJoin, token.MayAdmit)))
	if got := string(joined["may"]); got != `["admit"]` {
		t.Fatalf("the host is told of %s", got)
	}
	if _, err := s.engine.Govern(t.Context(), "r", func(p *rooms.Policy) { p.Waiting = true }); err != nil {
		t.Fatal(err)
	}
	return host
}

func TestAHostLetsIn(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		host := waitingRoom(t, s)
		cem, knock := wait(t, s, host, "Cem")
		time.Sleep(time.Minute) // the ten seconds for a join have stopped
		cem.say(`{"type":"ping"}`)
		cem.want("pong")
		for range 4 {
			if again := host.want("knock"); again.str("knock") != knock {
				t.Fatalf("the host hears %s", again)
			}
		}
		host.say(`{"type":"admit","knock":%q,"seq":1}`, knock)
		joined := cem.want("joined")
		heard := map[string]message{}
		for range 2 { // in either order
			m := host.next()
			heard[m.str("type")] = m
		}
		if heard["peer-joined"].str("peer") != joined.str("peer") || string(heard["knock"]["over"]) != "true" {
			t.Fatalf("the host hears %s", heard)
		}
		host.say(`{"type":"admit","knock":%q,"seq":2}`, knock) // somebody else was faster
		cem.say(`{"type":"message","to":%q,"data":1,"seq":1}`, host.id)
		host.want("message")
		cem.say(`{"type":"admit","knock":"k","seq":2}`)
		cem.wantError(protocol.CodeForbidden)
	})
}

// A token may say that its peer has to be let in, whatever the room's policy.
func TestATokenThatWaits(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		host, _ := s.join(ticket(t, may(token.MayJoin, token.MayAdmit)))
		guest := s.dial()
		guest.say(`{"type":"join","room":"r",%s}`, ticket(t, func(c *token.Claims) { c.Wait = true }))
		guest.want("waiting")
		host.say(`{"type":"admit","knock":%q}`, host.want("knock").str("knock"))
		guest.want("joined")
	})
}

func TestAHostRefuses(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		host := waitingRoom(t, s)
		cem, knock := wait(t, s, host, "Cem")
		host.say(`{"type":"deny","knock":%q}`, knock)
		cem.wantError(protocol.CodeForbidden)
		host.want("knock")
		cem.say(`{"type":"join","room":"another"}`) // the same socket may try again
		cem.want("joined")
	})
}

func TestWhoWaitsGoes(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		host := waitingRoom(t, s)
		cem, knock := wait(t, s, host, "Cem")
		cem.drop()
		if over := host.want("knock"); string(over["over"]) != "true" || over.str("knock") != knock {
			t.Fatalf("the host hears %s", over)
		}
		host.say(`{"type":"admit","knock":%q}`, knock)
		host.fence()
		dot, _ := wait(t, s, host, "Dot")
		dot.say(`{"type":"join","room":"another"}`) // instead
		dot.want("joined")
		host.want("knock")
	})
}

func TestNobodyLetsIn(t *testing.T) {
	run(t, checked(t, false), rooms.Config{}, func(t *testing.T, s *service) {
		host := waitingRoom(t, s)
		cem, _ := wait(t, s, host, "Cem")
		time.Sleep(9 * time.Minute)
		cem.say(`{"type":"ping"}`)
		cem.want("pong")
		time.Sleep(time.Minute + time.Second)
		cem.wantError(protocol.CodeForbidden)
		time.Sleep(11 * time.Second) // for another join
		cem.wantClose(protocol.CloseNotJoined)
	})
}

func TestSoManyMayWait(t *testing.T) {
	config := checked(t, false)
	config.JoinsPerAddress, config.ConnectionsPerAddress = -1, -1
	run(t, config, rooms.Config{}, func(t *testing.T, s *service) {
		waitingRoom(t, s)
		const most = 1024
		var first *peer
		for i := range most {
			p := s.dial()
			p.say(`{"type":"join","room":"r"}`)
			p.want("waiting")
			if i == 0 {
				first = p
			}
		}
		p := s.dial()
		p.say(`{"type":"join","room":"r"}`)
		p.wantError(protocol.CodeOverloaded)
		first.say(`{"type":"join","room":"another"}`)
		first.want("joined")
		p.say(`{"type":"join","room":"r"}`)
		p.want("waiting")
	})
}
