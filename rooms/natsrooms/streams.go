package natsrooms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
)

// The engine's own bounds of what is in a stream. What a peer may have waiting is counted by its owner; the bound of a
// subject is the last defence, and leaves room for presence, which never counts.
const (
	minPerSubject = 16 << 10
	maxConsumers  = 10_000 // nats-server's default is 1,000, and each node has one for each node whose peers it holds
	consumerIdle  = time.Minute
	markerLife    = time.Hour // how long NATS remembers a key that was deleted
)

// names gives what the engine's streams, buckets and subjects are called.
type names struct{ prefix string }

func (n names) boxStream(shard int) string { return n.prefix + "_box_" + strconv.Itoa(shard) }
func (n names) boxes(shard int) string     { return n.prefix + ".box." + strconv.Itoa(shard) + ".>" }
func (n names) bucket(name string) string  { return n.prefix + "_" + name }

// home is where a peer joined: the shard and the node of its mailbox. It never changes.
type home struct {
	Shard int    `json:"s"`
	Node  string `json:"n"`
}

func (n names) homeOf(h home) string {
	return n.prefix + ".box." + strconv.Itoa(h.Shard) + "." + h.Node + "."
}
func (n names) box(h home, peer rooms.PeerID) string { return n.homeOf(h) + string(peer) }

// boxConfig is the stream of one shard of mailboxes.
func boxConfig(o Options, config rooms.Config, shard int) jetstream.StreamConfig {
	n := names{o.Prefix}
	window := o.window(config)
	return jetstream.StreamConfig{
		Name:                 n.boxStream(shard),
		Description:          "Parley: what waits for the peers that joined on some of the nodes",
		Subjects:             []string{n.boxes(shard)},
		Storage:              jetstream.MemoryStorage,
		Replicas:             o.Replicas,
		Discard:              jetstream.DiscardNew,
		DiscardNewPerSubject: true,
		MaxMsgsPerSubject:    int64(max(minPerSubject, 4*config.InboxMessages)),
		MaxMsgs:              -1,
		MaxBytes:             o.MaxBytes,
		MaxAge:               window,
		MaxMsgSize:           -1,
		Duplicates:           window,
		MaxConsumers:         maxConsumers,
		ConsumerLimits:       jetstream.StreamConsumerLimits{InactiveThreshold: consumerIdle},
	}
}

// bucketConfig is the stream behind a bucket of keys. Unlike the client library's own it is read from its leader alone: what
// was written before a question was asked is in the answer.
func bucketConfig(o Options, name string) jetstream.StreamConfig {
	bucket := names{o.Prefix}.bucket(name)
	return jetstream.StreamConfig{
		Name:                   "KV_" + bucket,
		Description:            "Parley: " + name,
		Subjects:               []string{"$KV." + bucket + ".>"},
		Storage:                jetstream.MemoryStorage,
		Replicas:               o.Replicas,
		Discard:                jetstream.DiscardNew,
		MaxMsgsPerSubject:      1,
		MaxMsgs:                -1,
		MaxBytes:               -1,
		MaxMsgSize:             -1,
		MaxConsumers:           maxConsumers,
		Duplicates:             2 * time.Minute,
		AllowRollup:            true,
		DenyDelete:             true,
		AllowMsgTTL:            true,
		SubjectDeleteMarkerTTL: markerLife,
	}
}

// errMismatch is a stream that is there already, and not as it should be.
var errMismatch = errors.New("natsrooms: NATS has another idea of this deployment")

// makeStream makes a stream, or checks the one that is there. It never changes one.
func makeStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // by another node that starts
			stream, err = js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return nil, err
	}
	if what := mismatch(stream.CachedInfo().Config, want); what != "" {
		return nil, fmt.Errorf("%w: stream %s has %s; delete it, or give the nodes the settings it was made with",
			errMismatch, want.Name, what)
	}
	return stream, nil
}

// mismatch says what of a stream is not as wanted, "" if all is.
func mismatch(got, want jetstream.StreamConfig) string {
	for _, v := range []struct {
		name      string
		got, want any
	}{
		{"replicas", got.Replicas, want.Replicas},
		{"storage", got.Storage, want.Storage},
		{"max_age", got.MaxAge, want.MaxAge},
		{"duplicate_window", got.Duplicates, want.Duplicates},
		{"max_msgs_per_subject", got.MaxMsgsPerSubject, want.MaxMsgsPerSubject},
		{"max_bytes", got.MaxBytes, want.MaxBytes},
		{"max_consumers", got.MaxConsumers, want.MaxConsumers},
		{"discard", got.Discard, want.Discard},
		{"discard_new_per_subject", got.DiscardNewPerSubject, want.DiscardNewPerSubject},
		{"allow_direct", got.AllowDirect, want.AllowDirect},
		{"allow_msg_ttl", got.AllowMsgTTL, want.AllowMsgTTL},
	} {
		if v.got != v.want {
			return fmt.Sprintf("%s %v and not %v", v.name, v.got, v.want)
		}
	}
	if !slices.Equal(got.Subjects, want.Subjects) {
		return fmt.Sprintf("subjects %v and not %v", got.Subjects, want.Subjects)
	}
	return ""
}

// store is what the engine has in NATS.
type store struct {
	boxes                      []jetstream.Stream // by shard
	roomKeys, peerKeys, leases jetstream.KeyValue
	eras                       eras
}

// box gives the stream that a home's mailboxes are in. A node with more shards than this one may have joined since.
func (s *store) box(ctx context.Context, js jetstream.JetStream, n names, h home) (jetstream.Stream, error) {
	if h.Shard < len(s.boxes) {
		return s.boxes[h.Shard], nil
	}
	return js.Stream(ctx, n.boxStream(h.Shard))
}

// openStore makes or checks every stream and bucket.
func openStore(ctx context.Context, js jetstream.JetStream, o Options, config rooms.Config) (*store, error) {
	s := &store{eras: eras{}}
	for shard := range o.Shards {
		stream, err := makeStream(ctx, js, boxConfig(o, config, shard))
		if err != nil {
			return nil, err
		}
		s.boxes = append(s.boxes, stream)
		s.eras.add(stream)
	}
	for name, kv := range map[string]*jetstream.KeyValue{"rooms": &s.roomKeys, "peers": &s.peerKeys, "nodes": &s.leases} {
		stream, err := makeStream(ctx, js, bucketConfig(o, name))
		if err != nil {
			return nil, err
		}
		s.eras.add(stream)
		bucket, err := js.KeyValue(ctx, names{o.Prefix}.bucket(name))
		if err != nil {
			return nil, err
		}
		*kv = bucket
	}
	return s, nil
}

// infoOf gives a stream as it is now. Stream.Info would, too, but keeps it where other methods of the stream read it, without a
// lock (nats.go before 1.54, which Go 1.25 cannot build).
func infoOf(ctx context.Context, js jetstream.JetStream, stream jetstream.Stream) (*jetstream.StreamInfo, error) {
	now, err := js.Stream(ctx, stream.CachedInfo().Config.Name)
	if err != nil {
		return nil, err
	}
	return now.CachedInfo(), nil
}
