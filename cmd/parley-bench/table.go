package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// String gives the report as Markdown that reads well as it is, too.
func (r report) String() string {
	var b strings.Builder
	for i, w := range r.Workloads {
		if i > 0 {
			b.WriteString("\n\n")
		}
		fmt.Fprintf(&b, "%s: medians of %d × %s (least–most) on %s\n\n", w.Title, r.Rounds, r.Duration, r.machine())
		b.WriteString(markdown(w.cells()))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (r report) machine() string {
	where := "server and clients share the cores"
	if r.Pinned {
		where = "the server has one to itself"
	}
	return fmt.Sprintf("%d cores (%s), Go %s.", r.Cores, where, r.Go)
}

// cells gives the table, ratios first. Its first row is the head.
func (r workloadReport) cells() [][]string {
	if r.Paced {
		return r.pacedCells()
	}
	base := r.Subjects[0].Name
	cells := [][]string{{
		"server", "CPU a " + r.Unit + " ÷ " + base, r.Unit + "s/s ÷ " + base,
		"CPU s a million", "NATS's", r.Unit + "s/s", "p50 ms", "p99 ms", "server's cores busy", "clients'",
	}}
	for i, s := range r.Subjects {
		ratios := []string{"1", "1"}
		if i > 0 {
			ratios = []string{s.CPURatio.text(2), s.RateRatio.text(2)}
		}
		cells = append(cells, append(append([]string{s.Name}, ratios...),
			s.CPUPerMillion.text(2), s.NATSPerMillion.known(), s.PerSecond.text(0), s.P50.text(2), s.P99.text(2),
			s.ServerCoresBusy.known(), s.LoadCoresBusy.known()))
	}
	return cells
}

// pacedCells is cells for a workload that leaves the server time.
func (r workloadReport) pacedCells() [][]string {
	base := r.Subjects[0].Name
	cells := [][]string{{
		"the pairs", "p99 ÷ " + base, "p50 ÷ " + base, "p50 ms", "p99 ms", r.Unit + "s/s", "server's cores busy",
	}}
	for i, s := range r.Subjects {
		ratios := []string{"1", "1"}
		if i > 0 {
			ratios = []string{s.P99Ratio.text(2), s.P50Ratio.text(2)}
		}
		cells = append(cells, append(append([]string{s.Name}, ratios...),
			s.P50.text(2), s.P99.text(2), s.PerSecond.text(0), s.ServerCoresBusy.known()))
	}
	return cells
}

// text shows the median, and where there are several rounds also the ends.
func (s spread) text(decimals int) string {
	number := func(v float64) string { return fmt.Sprintf("%.*f", decimals, v) }
	if s.Min == s.Max {
		return number(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", number(s.Median), number(s.Min), number(s.Max))
}

// known is the median alone, and a dash for what the system does not tell.
func (s spread) known() string {
	if s.Median == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", s.Median)
}

// markdown lays a table out with columns of even width.
func markdown(cells [][]string) string {
	width := make([]int, len(cells[0]))
	for _, row := range cells {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for n, row := range cells {
		for i, cell := range row {
			fmt.Fprintf(&b, "| %s%s ", cell, strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString("|\n")
		if n == 0 {
			for i := range row {
				b.WriteString("|" + strings.Repeat("-", width[i]+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}
