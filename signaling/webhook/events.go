package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"
)

const (
	maxWaiting = 10_000 // events
	maxBatch   = 100    // events in one request

	keepFor     = time.Hour
	firstPause  = time.Second // after a request that failed; twice as long after each that fails behind it
	longestWait = 30 * time.Second
	sayEvery    = 10 * time.Second // what was dropped
)

// Events tells the operator's server what happens: each event at least once and in order, or it is counted as dropped. Make it
// with NewEvents, end it with Close.
type Events struct {
	// Static after construction.
	caller  *caller
	log     zerolog.Logger
	keep    time.Duration
	warn    rate.Sometimes // of requests that fail
	results *prometheus.CounterVec
	ctx     context.Context // of requests, and of the pauses between them
	cancel  context.CancelFunc

	told    chan struct{} // room for one: there is something to deliver
	lost    chan struct{} // room for one: something was dropped
	closing chan struct{} // closed when nothing is taken any more
	ended   chan struct{} // closed when nothing is delivered any more
	running sync.WaitGroup

	mu sync.Mutex
	// Guarded by mu, a leaf.
	waiting []Event // the oldest first; only deliver takes from the front
	unsaid  int     // that were dropped, and the log has not said so
	closed  bool
}

// NewEvents begins to deliver. Errors are about the address and the secret.
func NewEvents(c Config) (*Events, error) {
	caller, err := newCaller(c)
	if err != nil {
		return nil, err
	}
	e := &Events{
		caller: caller, log: c.Log, keep: c.Keep, warn: rate.Sometimes{First: 1, Interval: time.Minute},
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_webhook_events_total", Help: "Events for the event webhook that are done with, by result.",
		}, []string{"result"}),
		told: make(chan struct{}, 1), lost: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{}),
	}
	if e.keep == 0 {
		e.keep = keepFor
	}
	e.results.WithLabelValues(resultDelivered)
	e.results.WithLabelValues(resultDropped)
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "parley_webhook_events_waiting", Help: "Events that wait to be delivered to the event webhook.",
	}, func() float64 { return float64(e.count()) })
	if c.Registerer != nil {
		for _, collector := range []prometheus.Collector{e.results, waiting} {
			if err := c.Registerer.Register(collector); err != nil {
				return nil, err
			}
		}
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.running.Go(e.deliver)
	e.running.Go(e.report)
	return e, nil
}

// The results of an event, as labels.
const (
	resultDelivered = "delivered"
	resultDropped   = "dropped"
)

// Tell has an event delivered. It waits for nothing; where as many wait as may, the event is dropped.
func (e *Events) Tell(event Event) {
	event.ID = uuid.NewString()
	e.mu.Lock()
	defer e.mu.Unlock()
	event.At = time.Now().UTC() // with the mutex held, so that times are in the order of events
	if e.closed || len(e.waiting) >= maxWaiting {
		e.drop(1)
		return
	}
	e.waiting = append(e.waiting, event)
	signal(e.told)
}

// drop counts what is not delivered. The mutex is held.
func (e *Events) drop(n int) {
	e.results.WithLabelValues(resultDropped).Add(float64(n))
	e.unsaid += n
	signal(e.lost)
}

func signal(to chan<- struct{}) {
	select {
	case to <- struct{}{}:
	default:
	}
}

func (e *Events) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.waiting)
}

// Close takes nothing more, and delivers what waits until ctx ends. What is left then is dropped, and the error says how much.
func (e *Events) Close(ctx context.Context) error {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.closing)
	}
	e.mu.Unlock()
	stop := context.AfterFunc(ctx, e.cancel)
	defer stop()
	e.running.Wait()
	e.cancel()
	e.caller.close()

	e.mu.Lock()
	left := len(e.waiting)
	if left > 0 {
		e.drop(left)
		e.waiting = nil
	}
	e.mu.Unlock()
	e.sayDropped()
	if left > 0 {
		return fmt.Errorf("%d events were not delivered: %w", left, context.Cause(ctx))
	}
	return nil
}

// deliver is the goroutine that makes the requests, one after the other.
func (e *Events) deliver() {
	defer close(e.ended)
	pause := time.Duration(0)
	for e.ctx.Err() == nil {
		batch := e.next()
		if len(batch) == 0 {
			select {
			case <-e.told:
				continue
			case <-e.closing:
				if e.count() == 0 { // and nothing is taken any more
					return
				}
				continue
			}
		}
		err := e.send(batch)
		if err == nil {
			e.delivered(len(batch))
			pause = 0
			continue
		}
		if e.ctx.Err() != nil {
			return
		}
		e.warn.Do(func() {
			e.log.Warn().Err(err).Int("waiting", e.count()).
				Msg("The event webhook does not take events; they wait, and are sent again. More of the next minute are only counted.")
		})
		pause = min(max(firstPause, 2*pause), longestWait)
		if e.rest(pause) {
			pause = 0
		}
	}
}

// next gives the oldest events, which stay in their place until they are delivered. Those that are too old are dropped.
func (e *Events) next() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := 0
	for old < len(e.waiting) && time.Since(e.waiting[old].At) > e.keep {
		old++
	}
	if old > 0 {
		e.waiting = slices.Delete(e.waiting, 0, old)
		e.drop(old)
	}
	return slices.Clone(e.waiting[:min(len(e.waiting), maxBatch)])
}

func (e *Events) send(batch []Event) error {
	body, err := json.Marshal(struct {
		Events []Event `json:"events"`
	}{batch})
	if err != nil {
		return err
	}
	status, _, err := e.caller.post(e.ctx, body)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("it answers with the status %d", status)
	}
	return err
}

func (e *Events) delivered(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = slices.Delete(e.waiting, 0, n)
	e.results.WithLabelValues(resultDelivered).Add(float64(n))
}

// rest waits between two requests, between half of the pause and all of it, so that many servers do not come back together. It
// tells whether Close has cut that short: then there is no time to lose.
func (e *Events) rest(pause time.Duration) (hurried bool) {
	closing := e.closing
	select {
	case <-closing:
		closing = nil // the pause was begun with it
	default:
	}
	timer := time.NewTimer(max(firstPause, pause/2+rand.N(pause/2)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-closing:
		return true
	case <-e.ctx.Done():
		return false
	}
}

// report is the goroutine that says what was dropped: not in Tell, whose caller must not wait for a log, and not each time.
func (e *Events) report() {
	for {
		select {
		case <-e.lost:
		case <-e.ended:
			return
		}
		e.sayDropped()
		timer := time.NewTimer(sayEvery)
		select {
		case <-timer.C:
		case <-e.ended:
			timer.Stop()
			return
		}
	}
}

func (e *Events) sayDropped() {
	e.mu.Lock()
	n := e.unsaid
	e.unsaid = 0
	e.mu.Unlock()
	if n > 0 {
		e.log.Warn().Int("dropped", n).Msg("Events for the event webhook are dropped: too many wait for it, or for too long.")
	}
}
