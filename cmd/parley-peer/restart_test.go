package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"parley/cmd/parley-peer/media"
	"parley/rooms"
	"parley/signaling"
	"parley/signaling/client"
	"parley/signaling/protocol"
	"parley/signaling/token"
)

// A call goes on through what happens to its signaling: the same peer connections before and after, media all the while, and
// afterwards they can be negotiated again.
func TestACallOutlivesItsSessions(t *testing.T) {
	key, err := rooms.NewSessionKey([]byte(strings.Repeat("k", rooms.MinSessionKey)))
	if err != nil {
		t.Fatal(err)
	}
	restart := func(s *restartable, _, _ *lasting) {
		s.stop()
		s.start()
	}
	tests := []struct {
		name           string
		config         rooms.Config
		checked        bool // tokens are, and the first one of the first peer ends soon
		happens        func(s *restartable, first, second *lasting)
		firstRejoins   bool // as another peer
		secondRejoins  bool
		secondIsStable bool // nothing happens to its session
	}{
		{"the server restarts", rooms.Config{}, false, restart, true, true, false},
		{"the server restarts, with a session key", rooms.Config{SessionKey: key}, false, restart, false, false, false},
		{"one is away for longer than the grace time", rooms.Config{Grace: time.Second}, false, func(_ *restartable, first, second *lasting) {
			first.cut()
			await(t, second, func(client.PeerLeft) bool { return true })
			first.mend()
		}, true, false, true},
		{"the token of one ends", rooms.Config{}, true, func(*restartable, *lasting, *lasting) {}, true, false, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newRestartable(t, test.config, test.checked)
			first, second := newLasting(t, s.address, s.tokens("first", 3*time.Second)), newLasting(t, s.address, s.tokens("second", time.Hour))
			for _, l := range []*lasting{first, second} {
				l.meter.await(t, 30)
			}
			test.happens(s, first, second)
			first.awaitReturn(t, test.firstRejoins)
			if !test.secondIsStable {
				second.awaitReturn(t, test.secondRejoins)
			}
			first.awaitLink(t, second)
			second.awaitLink(t, first)
			first.renegotiate(t, second)
			second.renegotiate(t, first)
			for name, l := range map[string]*lasting{"first": first, "second": second} {
				l.meter.await(t, 30)
				connections, missing, waited := l.meter.seen()
				if connections != 1 {
					t.Errorf("%s: the call had %d peer connections", name, connections)
				}
				if missing > time.Second {
					t.Errorf("%s: %v of the video did not come", name, missing)
				}
				t.Logf("%s: from one video packet to the next at most %v of video, in %v", name, missing, waited)
			}
		})
	}
}

// restartable is a server that can be ended, as on a signal, and started again on the same address.
type restartable struct {
	t       *testing.T
	config  rooms.Config
	checked bool // nobody joins without a token
	address string
	stop    func()
}

func newRestartable(t *testing.T, config rooms.Config, checked bool) *restartable {
	s := &restartable{t: t, config: config, checked: checked, address: "127.0.0.1:0"}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *restartable) start() {
	s.t.Helper()
	listener, err := listen(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = listener.Addr().String()
	engine := rooms.NewMemory(s.config)
	config := signaling.Config{AllowNoOrigin: true, Grace: s.config.WithDefaults().Grace, RequireToken: s.checked}
	if s.checked {
		if config.Tokens, err = token.NewVerifier(token.Config{Secret: testSecret}); err != nil {
			s.t.Fatal(err)
		}
	}
	endpoint, err := signaling.New(config, engine)
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: endpoint}
	go func() { _ = server.Serve(listener) }()
	s.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		for _, err := range []error{endpoint.Drain(ctx), endpoint.Shutdown(ctx), server.Shutdown(ctx), engine.Close()} {
			if err != nil {
				s.t.Errorf("ending the server: %v", err)
			}
		}
	})
}

var testSecret = []byte("a secret that is for tests alone")

// tokens gives what makes tokens of somebody, the first of which ends soon; nil where nobody needs any.
func (s *restartable) tokens(identity string, first time.Duration) func(context.Context) (string, error) {
	if !s.checked {
		return nil
	}
	return func(context.Context) (string, error) {
		claims := token.Claims{Room: "lasting"}
		claims.Subject, claims.ExpiresAt = identity, jwt.NewNumericDate(time.Now().Add(first))
		first = time.Hour
		return token.Sign(testSecret, claims)
	}
}

// lasting is a peer whose calls send the clip, and measure what comes, until the test ends.
type lasting struct {
	client  *client.Client
	meeting *meeting
	meter   *meter
	events  chan client.Event // what the meeting has taken
	changed chan struct{}     // something has happened

	mu    sync.Mutex
	dead  bool
	conns []net.Conn
}

func newLasting(t *testing.T, address string, fresh func(context.Context) (string, error)) *lasting {
	t.Helper()
	l := &lasting{events: make(chan client.Event, 1000), changed: make(chan struct{}, 1)}
	settings := &peerSettings{URL: "ws://" + address + "/ws", Room: "lasting", logf: func(format string, args ...any) {
		t.Logf(format, args...)
		l.change()
	}, netDial: l.dial, fresh: fresh}
	ctx, cancel := context.WithCancel(context.Background())
	clip, err := media.LoadClip()
	if err != nil {
		t.Fatal(err)
	}
	sender, err := media.NewSender(ctx, clip, "test")
	if err != nil {
		t.Fatal(err)
	}
	api, err := settings.api()
	if err != nil {
		t.Fatal(err)
	}
	if l.client, err = settings.join(ctx); err != nil {
		t.Fatal(err)
	}
	l.meter = &meter{sender: sender, more: make(chan struct{}, 1), told: l.change}
	l.meeting = &meeting{client: l, api: api, logf: settings.logf}
	l.meeting.content = func(*link) (content, error) { return l.meter, nil }
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = l.meeting.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		l.client.Close()
		sender.Close()
		l.meter.reading.Wait()
	})
	return l
}

func (l *lasting) change() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *lasting) Send(ctx context.Context, message any) (uint64, error) {
	return l.client.Send(ctx, message)
}

func (l *lasting) Next(ctx context.Context) (client.Event, error) {
	e, err := l.client.Next(ctx)
	if err == nil {
		l.events <- e
		l.change()
	}
	return e, err
}

func (l *lasting) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		_ = c.Close()
		return nil, errors.New("cut")
	}
	l.conns = append(l.conns, c)
	return c, nil
}

// cut keeps the peer from the server until mend.
func (l *lasting) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	for _, c := range l.conns {
		_ = c.Close()
	}
}

func (l *lasting) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = false
}

// await passes over events until one of a type comes that is wanted.
func await[E client.Event](t *testing.T, l *lasting, wanted func(E) bool) {
	t.Helper()
	for late := time.After(time.Minute); ; {
		select {
		case e := <-l.events:
			if e, ok := e.(E); ok && wanted(e) {
				return
			}
		case <-late:
			var none E
			t.Fatalf("no %T came", none)
		}
	}
}

// awaitReturn waits until the peer has a session again.
func (l *lasting) awaitReturn(t *testing.T, rejoins bool) {
	t.Helper()
	if rejoins {
		await(t, l, func(e client.Joined) bool { return e.Again })
	} else {
		await(t, l, func(e client.Resumed) bool { return !e.Complete })
	}
}

// awaitLink waits until the peer knows the other one by its present id, and that it is there.
func (l *lasting) awaitLink(t *testing.T, other *lasting) {
	t.Helper()
	for late := time.After(time.Minute); ; {
		known := make(chan bool)
		l.meeting.tasks.add(func() { known <- l.meeting.Stands(other.client.Self()) && l.meeting.calls.Deadline().IsZero() })
		if <-known {
			return
		}
		select {
		case <-l.changed:
		case <-late:
			t.Fatal("the call did not move")
		}
	}
}

// renegotiate has the call with the other one go another way, by way of the server.
func (l *lasting) renegotiate(t *testing.T, other *lasting) {
	t.Helper()
	l.meeting.tasks.add(func() {
		link := l.meeting.links[other.client.Self()]
		link.do(func() error { return link.offer(true) })
	})
	await(t, l, func(s client.Signal) bool {
		return s.Type == protocol.TypeAnswer && s.From == other.client.Self()
	})
}

// meter is the content of a call: it sends the clip, and measures the video that comes.
type meter struct {
	sender  *media.Sender
	reading sync.WaitGroup
	more    chan struct{} // a packet has come
	told    func()        // something has come on the data channel

	mu          sync.Mutex
	connections int
	packets     int
	timestamp   uint32    // of the last packet
	at          time.Time // when it came
	missing     time.Duration
	waited      time.Duration
}

func (m *meter) attach(pc *webrtc.PeerConnection, _ *webrtc.DataChannel) error {
	m.mu.Lock()
	m.connections++
	m.mu.Unlock()
	pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		m.reading.Go(func() {
			for {
				packet, _, err := t.ReadRTP()
				if err != nil {
					return // the call has ended
				}
				if t.Kind() == webrtc.RTPCodecTypeVideo {
					m.count(packet, time.Now(), t.Codec().ClockRate)
				}
			}
		})
	})
	return m.sender.AddTo(pc)
}

// count notes how much of the video lies between this packet and the one before, by the sender's clock, which does not go wrong on
// a machine that is too busy; and by this side's, for people.
func (m *meter) count(p *rtp.Packet, now time.Time, rate uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.packets++
	if m.packets > 1 {
		ahead := time.Duration(int32(p.Timestamp-m.timestamp)) * time.Second / time.Duration(rate)
		m.missing = max(m.missing, ahead)
		m.waited = max(m.waited, now.Sub(m.at))
	}
	m.timestamp, m.at = p.Timestamp, now
	select {
	case m.more <- struct{}{}:
	default:
	}
}

// await waits until so many more packets have come.
func (m *meter) await(t *testing.T, packets int) {
	t.Helper()
	m.mu.Lock()
	enough := m.packets + packets
	m.mu.Unlock()
	for late := time.After(time.Minute); ; {
		m.mu.Lock()
		come := m.packets
		m.mu.Unlock()
		if come >= enough {
			return
		}
		select {
		case <-m.more:
		case <-late:
			t.Fatalf("%d video packets came instead of %d", come, enough)
		}
	}
}

func (m *meter) seen() (connections int, missing, waited time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.connections, m.missing, m.waited
}

func (m *meter) receive(channel *webrtc.DataChannel, message webrtc.DataChannelMessage) {
	newProbe().receive(channel, message.Data) // answers the other side's
	m.told()
}

func (m *meter) close() {}
