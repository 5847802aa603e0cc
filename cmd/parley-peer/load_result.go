package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// loadResult is what load found, and what --json prints.
type loadResult struct {
	OK      bool   `json:"ok"`
	Room    string `json:"room"` // how the rooms' names begin
	Pairs   int    `json:"pairs"`
	Stage   string `json:"stage,omitempty"`   // where it failed: connect, join, load, inspection
	Problem string `json:"problem,omitempty"` // and how

	Sent             uint64            `json:"sent"`       // accepted by the clients
	Rate             float64           `json:"rate"`       // of sending, a second and client
	WantedRate       float64           `json:"wantedRate"` // that --rate asked for
	Delivered        uint64            `json:"delivered"`
	Told             uint64            `json:"told"` // of messages whose loss was told
	ToldBy           map[string]uint64 `json:"toldBy"`
	ToldAndDelivered uint64            `json:"toldAndDelivered"` // of told: arrived nevertheless
	InFlight         uint64            `json:"inFlight"`         // of a run that was interrupted
	Lost             uint64            `json:"lost"`             // neither delivered nor told
	Doubled          uint64            `json:"doubled"`
	Reordered        uint64            `json:"reordered"`
	Late             uint64            `json:"late"`    // after more than 5 s
	Slowest          int64             `json:"slowest"` // ms
	Ghosts           uint64            `json:"ghosts"`

	Cuts        uint64            `json:"cuts"`
	Resumes     uint64            `json:"resumes"`
	Rejoins     uint64            `json:"rejoins"`
	Limits      map[string]uint64 `json:"limits"` // what refused a client, and how often
	Interrupted bool              `json:"interrupted"`
	Elapsed     int64             `json:"elapsed"` // ms
}

// result sums up. err is why the run could not be made or finished.
func (l *load) result(err error, interrupted bool) loadResult {
	c := l.counts()
	r := loadResult{
		Room: l.settings.Room, Pairs: l.pairs, Sent: c.sent, WantedRate: l.rate, Delivered: c.delivered, Told: c.told, ToldBy: map[string]uint64{},
		ToldAndDelivered: c.both, Lost: c.open, Doubled: c.doubled, Reordered: c.reordered, Late: c.late,
		Slowest: c.slowest.Milliseconds(), Ghosts: l.ghosts.count(), Cuts: l.cutter.cuts.Load(), Resumes: l.resumes.Load(),
		Rejoins: l.rejoins.Load(), Limits: l.limits.all(), Interrupted: interrupted,
	}
	for _, p := range l.peers {
		p.sent.addReasons(r.ToldBy)
	}
	if interrupted {
		r.Lost, r.InFlight = c.overtaken, c.open-c.overtaken
	}
	r.Stage, r.Problem = l.verdict(err, &r)
	r.OK = r.Stage == ""
	return r
}

func (l *load) verdict(err error, r *loadResult) (stage, problem string) {
	var at *stageError
	switch {
	case errors.As(err, &at):
		return at.stage, at.err.Error()
	case err != nil:
		return "join", err.Error()
	case l.faulty != nil:
		return "load", l.faulty.Error()
	case r.Lost+r.Doubled+r.Reordered+r.Ghosts > 0:
		return "load", fmt.Sprintf("%d messages lost, %d doubled, %d reordered; %d ghosts", r.Lost, r.Doubled, r.Reordered, r.Ghosts)
	case r.Sent == 0:
		return "load", "nothing was sent"
	}
	return "", ""
}

func (l *limits) all() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.counts)
}

// progressLine says how a run is doing.
func (l *load) progressLine() string {
	c := l.counts()
	line := fmt.Sprintf("sent %d, delivered %d, told %d, in flight %d", c.sent, c.delivered, c.told, c.open-c.overtaken)
	for _, bad := range []struct {
		n    uint64
		name string
	}{{c.overtaken, "lost"}, {c.doubled, "doubled"}, {c.reordered, "reordered"}} {
		if bad.n > 0 {
			line += fmt.Sprintf(", %d %s", bad.n, strings.ToUpper(bad.name))
		}
	}
	return line + fmt.Sprintf("; %d cuts, %d resumes, %d rejoins%s",
		l.cutter.cuts.Load(), l.resumes.Load(), l.rejoins.Load(), listed("; limits: ", l.limits.all()))
}

// listed names what was counted, most frequent first.
func listed(title string, counts map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b]) - int(counts[a])
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s ×%d", name, counts[name])
	}
	if len(names) == 0 {
		return ""
	}
	return title + strings.Join(names, ", ")
}

// table prints the result for a person.
func (r *loadResult) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	row := func(name string, n uint64, note string) { fmt.Fprintf(t, "%s\t%d\t%s\n", name, n, note) }
	row("pairs", uint64(r.Pairs), "rooms "+r.Room+"-1 and on")
	row("sent", r.Sent, fmt.Sprintf("%.1f a second and client, of %g wanted", r.Rate, r.WantedRate))
	row("delivered", r.Delivered, fmt.Sprintf("%d later than %v, the slowest after %v",
		r.Late, lateAfter, time.Duration(r.Slowest)*time.Millisecond))
	told := listed("", r.ToldBy)
	if r.ToldAndDelivered > 0 {
		told += fmt.Sprintf("; %d arrived nevertheless", r.ToldAndDelivered)
	}
	row("told", r.Told, told)
	if r.Interrupted {
		row("in flight", r.InFlight, "the run was interrupted")
	}
	row("lost", r.Lost, "")
	row("doubled", r.Doubled, "")
	row("reordered", r.Reordered, "")
	ghosts := ""
	if r.Interrupted {
		ghosts = "not looked for: the run was interrupted"
	}
	row("ghosts", r.Ghosts, ghosts)
	row("cuts", r.Cuts, fmt.Sprintf("%d resumes, %d rejoins", r.Resumes, r.Rejoins))
	if len(r.Limits) > 0 {
		fmt.Fprintf(t, "limits\t\t%s\n", listed("", r.Limits))
	}
}

// loaded prints the result of load.
func (p *printer) loaded(asJSON bool, r loadResult) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := p.stdout
	if asJSON {
		lines = p.stderr
	}
	r.table(lines)
	if asJSON {
		if err := json.NewEncoder(p.stdout).Encode(r); err != nil {
			fmt.Fprintln(p.stderr, err)
			return exitFailed
		}
	}
	if r.OK {
		return exitOK
	}
	fmt.Fprintf(p.stderr, "parley-peer: failed at %s: %s%s\n", r.Stage, r.Problem, listed("; limits: ", r.Limits))
	return exitFailed
}
