package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHistogramKnowsValuesWell(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	last := (doublings + 1) * fineSteps
	for range 10_000 {
		d := time.Duration(random.Int64N(1 << (10 + random.IntN(30)))) // to 9 minutes
		at := bucketOf(d)
		if at < 0 || at >= last-1 {
			t.Fatalf("bucketOf(%v) = %d", d, at)
		}
		if off := (bucketMiddle(at) - d).Abs(); off > max(time.Microsecond, d/fineSteps) {
			t.Fatalf("%v falls into a bucket that stands for %v", d, bucketMiddle(at))
		}
	}
	for _, d := range []time.Duration{24 * time.Hour, 1<<63 - 1} {
		if at := bucketOf(d); at != last-1 {
			t.Errorf("bucketOf(%v) = %d, want the last", d, at)
		}
	}
	if at := bucketOf(-1); at != 0 {
		t.Errorf("bucketOf(-1) = %d", at)
	}
}

func TestQuantiles(t *testing.T) {
	var one, other, both histogram
	if q := both.quantile(0.5); q != 0 {
		t.Errorf("of nothing, the median is %v", q)
	}
	for ms := range 1000 {
		h := &one
		if ms%2 == 0 {
			h = &other
		}
		h.add(time.Duration(ms) * time.Millisecond)
	}
	both.merge(&one)
	both.merge(&other)
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond} {
		if got := both.quantile(q); (got - want).Abs() > want/fineSteps+time.Microsecond {
			t.Errorf("quantile(%v) = %v, want %v", q, got, want)
		}
	}
}

func TestRecorderTimesOnlyTheWindow(t *testing.T) {
	r := newRecorder()
	a, b := r.tally(), r.tally()
	a.time(time.Hour)
	r.recording.Store(true)
	b.time(time.Second)
	a.count()
	b.count()
	b.count()
	if counts := r.counts(); !slices.Equal(counts, []uint64{1, 2}) || r.total() != 3 {
		t.Errorf("counts() = %v, total() = %d", counts, r.total())
	}
	if got := r.latencies().quantile(1); got != 0 {
		t.Errorf("above the highest there is %v", got)
	}
	if got := r.latencies().quantile(0.999); (got - time.Second).Abs() > time.Second/fineSteps {
		t.Errorf("the highest is %v", got)
	}
}

func TestSpread(t *testing.T) {
	tests := []struct {
		values []float64
		want   spread
		text   string
	}{
		{values: []float64{2}, want: spread{2, 2, 2}, text: "2.0"},
		{values: []float64{3, 1}, want: spread{2, 1, 3}, text: "2.0 (1.0–3.0)"},
		{values: []float64{5, 1, 3}, want: spread{3, 1, 5}, text: "3.0 (1.0–5.0)"},
	}
	for _, tt := range tests {
		got := spreadOf(tt.values)
		if got != tt.want || got.text(1) != tt.text {
			t.Errorf("spreadOf(%v) = %+v, %q", tt.values, got, got.text(1))
		}
	}
}

func TestTable(t *testing.T) {
	second := measurement{elapsed: time.Second}
	of := func(count uint64, cpu time.Duration) measurement {
		m := second
		m.count, m.cpu, m.cpuCount, m.p50, m.p99 = count, cpu, count, time.Millisecond, 2*time.Millisecond
		return m
	}
	b := &bench{rounds: 2, duration: time.Second}
	r := newReport(b)
	r.Cores, r.Go = 2, "1.99"
	r.Workloads = []workloadReport{summarize(relay{pairs: 3, size: 180}, []subject{bare{}, parley{numbered: true}}, [][]measurement{
		{of(1000, time.Second), of(2000, time.Second)},
		{of(500, time.Second), of(500, time.Second)},
	})}
	want := `3 pairs over wss, each client answering a candidate of 180 bytes with the next: medians of 2 × 1s (least–most) on 2 cores (server and clients share the cores), Go 1.99.

| server     | CPU a message ÷ bare relay | messages/s ÷ bare relay | CPU s a million         | NATS's | messages/s       | p50 ms | p99 ms | server's cores busy | clients' |
|------------|----------------------------|-------------------------|-------------------------|--------|------------------|--------|--------|---------------------|----------|
| bare relay | 1                          | 1                       | 750.00 (500.00–1000.00) | –      | 1500 (1000–2000) | 1.00   | 2.00   | –                   | –        |
| parley     | 3.00 (2.00–4.00)           | 0.38 (0.25–0.50)        | 2000.00                 | –      | 500              | 1.00   | 2.00   | –                   | –        |`
	if got := r.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestMarkedFile(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "page.md")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, text := range []string{"", "words\n", beginMarker, endMarker + beginMarker} {
		if _, err := openMarked(write(text), beginMarker); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("openMarked of %q: %v", text, err)
		}
	}
	path := write("a\n" + beginMarker + endMarker + "z\n")
	for _, table := range []string{"one", "two\nlines"} {
		f, err := openMarked(path, beginMarker)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.replace(table); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if want := "a\n" + beginMarker + table + "\n" + endMarker + "z\n"; err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

func TestPageHasItsPlace(t *testing.T) {
	for _, begin := range []string{beginMarker, beginSlowMarker} {
		if _, err := openMarked(filepath.FromSlash("../../docs/benchmarks.md"), begin); err != nil {
			t.Error(err)
		}
	}
}

func TestLogTail(t *testing.T) {
	l := &logTail{address: make(chan string, 1)}
	for _, piece := range []string{`{"message":"Parley is at https://local`, "host:44", "31/\"}\n", "see https://other:1/\n", strings.Repeat("x", 3*maxTail)} {
		if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("Write() = %d, %v", n, err)
		}
	}
	if got := <-l.address; got != "https://localhost:4431" {
		t.Errorf("the address is %q", got)
	}
	if got := l.text(); len(got) != maxTail {
		t.Errorf("%d bytes were kept, want %d", len(got), maxTail)
	}
}

func TestCleanEnvironment(t *testing.T) {
	got := cleanEnvironment([]string{"HOME=/h", "PARLEY_GRACE=1s", "PARLEYS=1"})
	if !slices.Contains(got, "HOME=/h") || !slices.Contains(got, "PARLEYS=1") || slices.Contains(got, "PARLEY_GRACE=1s") {
		t.Errorf("cleanEnvironment() = %q", got)
	}
}
