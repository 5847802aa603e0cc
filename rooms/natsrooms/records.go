package natsrooms

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
)

// roomRecord is the key of a room: who is in it, in the order of joining.
type roomRecord struct {
	Name   string `json:"name"`
	Joined uint64 `json:"joined"` // the order of the one who joined last
	Seats  []seat `json:"seats"`

	Policy rooms.Policy `json:"policy,omitzero"`
}

// seat is a peer's place in a room. It never changes.
type seat struct {
	Peer     rooms.PeerID `json:"p"`
	Order    uint64       `json:"o"`
	Home     home         `json:"h"`
	Identity string       `json:"i,omitempty"` // digest of it
	Admits   bool         `json:"a,omitempty"` // see rooms.Join.Admits
}

func (r *roomRecord) find(peer rooms.PeerID) int {
	return slices.IndexFunc(r.Seats, func(s seat) bool { return s.Peer == peer })
}

// roomKey is the key of a room of this name: names have characters that keys must not have.
func roomKey(name string) string { return base64.RawURLEncoding.EncodeToString([]byte(name)) }

// peerRecord is the key of a peer: what others see of it, and its session.
type peerRecord struct {
	Room     string          `json:"room"`
	Seat     seat            `json:"seat"`
	Name     string          `json:"name,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Away     bool            `json:"away,omitempty"`    // and the others have been told
	Carried  []byte          `json:"carried,omitempty"` // see rooms.Join.Carry
	Address  string          `json:"address,omitempty"` // that its client came from last
	Since    time.Time       `json:"since,omitzero"`    // it joined

	Owner   string `json:"owner"`             // the node that has the inbox, and the connection if there is one
	Epoch   uint64 `json:"epoch"`             // counts the owners
	Adopted bool   `json:"adopted,omitempty"` // the owner has it from a sweep, and no client has asked for it since

	Secret   string       `json:"secret"`            // digest of what resumes the session
	Older    string       `json:"older,omitempty"`   // of the one before, good until the client has been heard
	Received uint64       `json:"received"`          // the client's messages up to this one are settled; may be too low
	Offset   uint64       `json:"offset,omitempty"`  // added to the numbers that the stream gives
	Born     int64        `json:"born"`              // when the stream of its mailbox was made: another one has lost messages
	Bound    bool         `json:"bound,omitempty"`   // its mailbox no longer has all that its client has not acknowledged
	Leaving  rooms.Reason `json:"leaving,omitempty"` // it is being taken out of its room
}

func encode(record any) ([]byte, error)     { return json.Marshal(record) }
func decode(value []byte, record any) error { return json.Unmarshal(value, record) }

// opens tells whether a secret of this digest resumes the session.
func (r peerRecord) opens(digest string) bool {
	return r.Leaving == "" && digests{r.Secret, r.Older}.good(digest)
}

// digest is how a secret is stored.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// The errors of a compare-and-set.
var (
	errConflict = errors.New("natsrooms: the key was changed by another node")
	errNoKey    = errors.New("natsrooms: there is no such key")
)

// getRecord reads a key.
func getRecord[T any](ctx context.Context, kv jetstream.KeyValue, key string) (record T, revision uint64, err error) {
	entry, err := kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return record, 0, errNoKey
	case err != nil:
		return record, 0, unavailable(err)
	}
	if err := decode(entry.Value(), &record); err != nil {
		return record, 0, err
	}
	return record, entry.Revision(), nil
}

// putRecord writes a key that has this revision, 0 for one that is not there.
func putRecord(ctx context.Context, kv jetstream.KeyValue, key string, revision uint64, record any) (uint64, error) {
	value, err := encode(record)
	if err != nil {
		return 0, err
	}
	if revision == 0 {
		revision, err = kv.Create(ctx, key, value)
	} else {
		revision, err = kv.Update(ctx, key, value, revision)
	}
	return revision, asConflict(err)
}

// deleteRecord removes a key that has this revision. NATS forgets after a while that it was there.
func deleteRecord(ctx context.Context, kv jetstream.KeyValue, key string, revision uint64) error {
	err := kv.Purge(ctx, key, jetstream.LastRevision(revision), jetstream.PurgeTTL(markerLife))
	return asConflict(err)
}

func asConflict(err error) error {
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return errConflict
	}
	return unavailable(err)
}

// unavailable makes an error of NATS's one that the callers of an engine know.
func unavailable(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, rooms.ErrUnavailable) {
		return err
	}
	return errors.Join(rooms.ErrUnavailable, err)
}

// certain tells whether a failure says that nothing was stored.
func certain(err error) bool {
	for _, e := range []error{
		jetstream.ErrNoStreamResponse, nats.ErrNoResponders, nats.ErrReconnectBufExceeded, nats.ErrConnectionClosed, rooms.ErrDetached,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
