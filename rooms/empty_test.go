package rooms

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

type quiet struct{}

func (quiet) Wake()   {}
func (quiet) Cut(Cut) {}

// A room is there as long as somebody is in it. In every way to leave, nothing of it stays behind.
func TestEmptyRoomsLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(Config{SessionKey: newKey(t)})
		for i := range 3000 {
			a, _, err := m.Join(t.Context(), Join{Room: strconv.Itoa(i), Identity: strconv.Itoa(i)}, quiet{})
			if err != nil {
				t.Fatal(err)
			}
			switch i % 3 {
			case 0:
				a.Leave()
			case 1:
				a.Detach()
			default:
				b, _, err := m.Join(t.Context(), Join{Room: strconv.Itoa(i), Identity: strconv.Itoa(i)}, quiet{})
				if err != nil {
					t.Fatal(err)
				}
				b.Detach()
			}
		}
		if stats := m.Stats(); stats.Rooms != 2000 || stats.Away != 2000 {
			t.Fatalf("while the connections of two thirds are lost: %+v", stats)
		}
		time.Sleep(m.config.Grace + time.Second)
		synctest.Wait()
		if stats := m.Stats(); stats != (Stats{}) || len(m.rooms) != 0 || len(m.sessions.bySecret) != 0 {
			t.Fatalf("%+v, %d rooms, %d secrets", stats, len(m.rooms), len(m.sessions.bySecret))
		}
		if m.ended.add("x"); len(m.ended.peers) != 0 {
			t.Fatalf("%d ended sessions are remembered after nobody can come back", len(m.ended.peers))
		}
	})
}
