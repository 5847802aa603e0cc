package main

import (
	"testing"
	"time"
)

// script sends messages to peer x, whose ids are as their numbers, and then does something with them.
func script(messages int, then func(*ledger)) *ledger {
	l := newLedger()
	l.receiverIs("x")
	for range messages {
		n := l.begin("x", time.Time{})
		l.accepted(sentID{1, n}, time.Time{})
	}
	then(l)
	return l
}

func arrive(l *ledger, numbers ...uint64) {
	for _, n := range numbers {
		l.arrived(n, time.Time{})
	}
}

func TestTheLedger(t *testing.T) {
	for name, test := range map[string]struct {
		messages int
		then     func(*ledger)
		want     counts
	}{
		"all is well":            {3, func(l *ledger) { arrive(l, 1, 2, 3) }, counts{sent: 3, delivered: 3}},
		"in flight":              {3, func(l *ledger) { arrive(l, 1) }, counts{sent: 3, delivered: 1, open: 2}},
		"lost in the middle":     {3, func(l *ledger) { arrive(l, 1, 3) }, counts{sent: 3, delivered: 2, open: 1, overtaken: 1}},
		"doubled":                {3, func(l *ledger) { arrive(l, 1, 2, 2, 3) }, counts{sent: 3, delivered: 3, doubled: 1}},
		"reordered":              {3, func(l *ledger) { arrive(l, 1, 3, 2) }, counts{sent: 3, delivered: 3, reordered: 1}},
		"a number of its own":    {3, func(l *ledger) { arrive(l, 1, 2, 3, 4, 0) }, counts{sent: 3, delivered: 3, doubled: 2}},
		"told":                   {2, func(l *ledger) { arrive(l, 1); l.told(sentID{1, 2}, "lost") }, counts{sent: 2, delivered: 1, told: 1}},
		"told twice":             {1, func(l *ledger) { l.told(sentID{1, 1}, "lost"); l.told(sentID{1, 1}, "left") }, counts{sent: 1, told: 1}},
		"told, then delivered":   {1, func(l *ledger) { l.told(sentID{1, 1}, "lost"); arrive(l, 1) }, counts{sent: 1, delivered: 1, told: 1, both: 1}},
		"delivered, then told":   {1, func(l *ledger) { arrive(l, 1); l.told(sentID{1, 1}, "lost") }, counts{sent: 1, delivered: 1, told: 1, both: 1}},
		"told, doubled":          {1, func(l *ledger) { l.told(sentID{1, 1}, "lost"); arrive(l, 1, 1) }, counts{sent: 1, delivered: 1, told: 1, both: 1, doubled: 1}},
		"told, late in order":    {2, func(l *ledger) { l.told(sentID{1, 1}, "lost"); arrive(l, 2, 1) }, counts{sent: 2, delivered: 2, told: 1, both: 1}},
		"another client's id":    {1, func(l *ledger) { l.told(sentID{2, 1}, "lost") }, counts{sent: 1, open: 1}},
		"the receiver left":      {3, func(l *ledger) { arrive(l, 1); l.receiverLeft("x"); l.receiverPast("x") }, counts{sent: 3, delivered: 1, told: 2}},
		"left, nobody was told":  {3, func(l *ledger) { arrive(l, 1); l.receiverPast("x") }, counts{sent: 3, delivered: 1, open: 2}},
		"left, more may come":    {3, func(l *ledger) { arrive(l, 1); l.receiverLeft("x") }, counts{sent: 3, delivered: 1, open: 2}},
		"left, and one was lost": {3, func(l *ledger) { arrive(l, 2); l.receiverPast("x"); l.receiverLeft("x") }, counts{sent: 3, delivered: 1, told: 1, open: 1, overtaken: 1}},
		"a join nobody heard of": {1, func(l *ledger) {
			n := l.begin("z", time.Time{})
			l.accepted(sentID{1, n}, time.Time{})
			l.receiverLeft("z")
		}, counts{sent: 2, told: 1, open: 1}},
		"a room without it": {2, func(l *ledger) { l.receiverPast("x"); l.roomIs([]string{"y"}) }, counts{sent: 2, told: 2}},
		"a room with it":    {2, func(l *ledger) { l.receiverPast("x"); l.roomIs([]string{"x"}) }, counts{sent: 2, open: 2}},
		"all leave":         {2, func(l *ledger) { l.finish(); l.receiverLeft("x"); l.receiverPast("x") }, counts{sent: 2, open: 2}},
		"told at leaving":   {2, func(l *ledger) { arrive(l, 1); l.finish(); l.told(sentID{1, 1}, "lost"); l.told(sentID{1, 2}, "lost") }, counts{sent: 2, delivered: 1, told: 1}},
		"doubled long ago": {4 * remembered, func(l *ledger) {
			for n := range uint64(4 * remembered) {
				arrive(l, n+1)
			}
			l.begin("x", time.Time{})
			l.abandoned()
			arrive(l, 1)
		}, counts{sent: 4 * remembered, delivered: 4 * remembered, doubled: 1}},
	} {
		t.Run(name, func(t *testing.T) { checkLedger(t, script(test.messages, test.then), test.want) })
	}
}

func TestTheLedgerOverARestart(t *testing.T) {
	for name, test := range map[string]struct {
		messages int
		then     func(*ledger)
		want     counts
	}{
		"a server that forgot": {3, func(l *ledger) { arrive(l, 2); l.incomplete() }, counts{sent: 3, delivered: 1, told: 1, open: 1, overtaken: 1}},
		"forgotten, yet came":  {2, func(l *ledger) { l.incomplete(); arrive(l, 1, 2) }, counts{sent: 2, delivered: 2}},
		"forgotten and told":   {1, func(l *ledger) { l.incomplete(); l.told(sentID{1, 1}, "lost") }, counts{sent: 1, told: 1}},
		"forgotten, and then not accepted": {1, func(l *ledger) {
			l.begin("x", time.Time{})
			l.incomplete()
			l.receiverLeft("x")
			l.receiverPast("x")
			l.abandoned()
		}, counts{sent: 1, told: 1}},
	} {
		t.Run(name, func(t *testing.T) { checkLedger(t, script(test.messages, test.then), test.want) })
	}
}

func checkLedger(t *testing.T, l *ledger, want counts) {
	t.Helper()
	if got := l.totals(); got != want {
		t.Errorf("\ngot  %+v\nwant %+v", got, want)
	}
	reasons, told := map[string]uint64{}, uint64(0)
	l.addReasons(reasons)
	for _, n := range reasons {
		told += n
	}
	if told != want.told {
		t.Errorf("%d were told, by %v", want.told, reasons)
	}
}

// The client may tell of a message, and the partner receive it, before the sending method has returned.
func TestTheLedgerHearsOfAMessageBeforeItIsAccepted(t *testing.T) {
	l := newLedger()
	l.begin("x", time.Time{})
	l.told(sentID{1, 7}, "undelivered")
	l.accepted(sentID{1, 7}, time.Time{})
	n := l.begin("x", time.Time{})
	l.arrived(n, time.Time{})
	l.accepted(sentID{1, 8}, time.Time{})
	if c := l.totals(); c.told != 1 || c.delivered != 1 || c.open != 0 || len(l.early) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestTheLedgerIsBounded(t *testing.T) {
	l := newLedger()
	const messages = mostKept + 3*remembered
	for range messages {
		n := l.begin("x", time.Time{})
		l.accepted(sentID{1, n}, time.Time{})
		if n > 1 { // the first is lost
			l.arrived(n, time.Time{})
		}
	}
	if len(l.entries) > mostKept {
		t.Errorf("%d messages are kept", len(l.entries))
	}
	if c := l.totals(); c.sent != messages || c.open != 1 || c.overtaken != 1 || c.doubled+c.reordered != 0 {
		t.Errorf("%+v", c)
	}
}

func TestLateMessages(t *testing.T) {
	l := newLedger()
	began := time.Now()
	for _, took := range []time.Duration{time.Millisecond, lateAfter + time.Second} {
		n := l.begin("x", began)
		l.accepted(sentID{1, n}, began)
		l.arrived(n, began.Add(took))
	}
	if c := l.totals(); c.late != 1 || c.slowest != lateAfter+time.Second {
		t.Errorf("%+v", c)
	}
}
