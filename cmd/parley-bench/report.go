package main

import (
	"runtime"
	"slices"
	"strings"
)

// report is all that one call of the program has found. Its JSON is what --json prints.
type report struct {
	Cores     int              `json:"cores"`
	Go        string           `json:"go"`
	Pinned    bool             `json:"pinned"` // the server has one core for itself
	Duration  string           `json:"duration"`
	Rounds    int              `json:"rounds"`
	Workloads []workloadReport `json:"workloads"`
}

// workloadReport is what all subjects bore under one workload.
type workloadReport struct {
	Title    string          `json:"title"`
	Unit     string          `json:"unit"`     // what is counted
	Paced    bool            `json:"paced"`    // what counts is how long it took, and not how much the server bore
	Subjects []subjectReport `json:"subjects"` // the first is what the others are compared with
}

// subjectReport is what one subject bore. The ratios are to the first subject's measurement of the same round.
type subjectReport struct {
	Name            string `json:"name"`
	CPURatio        spread `json:"cpuRatio"`
	RateRatio       spread `json:"rateRatio"`
	P50Ratio        spread `json:"p50Ratio"`
	P99Ratio        spread `json:"p99Ratio"`
	CPUPerMillion   spread `json:"cpuSecondsPerMillion"`
	NATSPerMillion  spread `json:"natsCPUSecondsPerMillion"` // 0 where there is no NATS, or the system does not tell
	PerSecond       spread `json:"perSecond"`
	P50             spread `json:"p50Milliseconds"`
	P99             spread `json:"p99Milliseconds"`
	ServerCoresBusy spread `json:"serverCoresBusy"` // 0 where the system does not tell
	LoadCoresBusy   spread `json:"loadCoresBusy"`
}

// spread is a figure over all rounds.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1]}
}

func newReport(b *bench) report {
	return report{
		Cores: runtime.NumCPU(), Go: strings.TrimPrefix(runtime.Version(), "go"),
		Pinned: b.placement.pinned, Duration: b.duration.String(), Rounds: b.rounds,
	}
}

// summarize turns measurements by subject and round into figures.
func summarize(w workload, subjects []subject, all [][]measurement) workloadReport {
	_, paced := w.(crowded)
	r := workloadReport{Title: w.title(), Unit: w.unit(), Paced: paced}
	for i, s := range subjects {
		over := func(figure func(own, base measurement) float64) spread {
			var values []float64
			for round, own := range all[i] {
				values = append(values, figure(own, all[0][round]))
			}
			return spreadOf(values)
		}
		r.Subjects = append(r.Subjects, subjectReport{
			Name:            s.name(),
			CPURatio:        over(func(own, base measurement) float64 { return own.cpuPerMillion() / base.cpuPerMillion() }),
			RateRatio:       over(func(own, base measurement) float64 { return own.perSecond() / base.perSecond() }),
			P50Ratio:        over(func(own, base measurement) float64 { return own.p50.Seconds() / base.p50.Seconds() }),
			P99Ratio:        over(func(own, base measurement) float64 { return own.p99.Seconds() / base.p99.Seconds() }),
			CPUPerMillion:   over(func(own, _ measurement) float64 { return own.cpuPerMillion() }),
			NATSPerMillion:  over(func(own, _ measurement) float64 { return own.natsPerMillion() }),
			PerSecond:       over(func(own, _ measurement) float64 { return own.perSecond() }),
			P50:             over(func(own, _ measurement) float64 { return own.p50.Seconds() * 1e3 }),
			P99:             over(func(own, _ measurement) float64 { return own.p99.Seconds() * 1e3 }),
			ServerCoresBusy: over(func(own, _ measurement) float64 { return own.busy }),
			LoadCoresBusy:   over(func(own, _ measurement) float64 { return own.loadBusy }),
		})
	}
	return r
}
