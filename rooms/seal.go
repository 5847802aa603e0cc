package rooms

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// SessionKey has the secrets of sessions carry what it takes to let their peers in again, for nobody but an engine of the same
// key to read. Make it with NewSessionKey.
type SessionKey struct {
	derived [chacha20poly1305.KeySize]byte
}

// MinSessionKey is the least length of what a session key is made from, in bytes.
const MinSessionKey = 32

// NewSessionKey derives a key from a secret of at least MinSessionKey random bytes, in whatever way they are written.
func NewSessionKey(secret []byte) (*SessionKey, error) {
	if len(secret) < MinSessionKey {
		return nil, fmt.Errorf("a session key has at least %d bytes", MinSessionKey)
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, "parley session v1", chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	return &SessionKey{derived: [chacha20poly1305.KeySize]byte(derived)}, nil
}

// sealed is what a secret carries.
type sealed struct {
	Engine   string   `json:"e"` // that made the secret
	Peer     PeerID   `json:"p"`
	Room     string   `json:"r"`
	Order    uint64   `json:"o"`           // of joining
	Age      uint64   `json:"g"`           // how many secrets the session had before this one
	Identity identity `json:"i,omitempty"` // the digest
	Name     string   `json:"n,omitempty"` // as it was when the secret was made
	Carried  []byte   `json:"c,omitempty"` // the same
}

// seal makes a secret.
func (k *SessionKey) seal(content sealed) string {
	text, err := json.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("rooms: seal: %v", err)) // strings and numbers always can be
	}
	aead, err := chacha20poly1305.NewX(k.derived[:])
	if err != nil {
		panic(fmt.Sprintf("rooms: seal: %v", err)) // the key has the right length
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(text)+aead.Overhead())
	_, _ = rand.Read(nonce) // it never fails
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, text, nil))
}

var errNotSealed = errors.New("rooms: no secret of this key")

// open reads a secret that was sealed here or in an engine before this one.
func (k *SessionKey) open(secret string) (content sealed, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil {
		return content, errNotSealed
	}
	aead, err := chacha20poly1305.NewX(k.derived[:])
	if err != nil || len(raw) < aead.NonceSize() {
		return content, errNotSealed
	}
	nonce, closed := raw[:aead.NonceSize()], raw[aead.NonceSize():]
	text, err := aead.Open(nil, nonce, closed, nil)
	if err != nil || json.Unmarshal(text, &content) != nil {
		return content, errNotSealed
	}
	return content, nil
}

// identity is what is kept of a Join.Identity: enough to know it again. "" stands for none.
type identity string

func digest(secret string) identity {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return identity(base64.RawURLEncoding.EncodeToString(sum[:16]))
}
