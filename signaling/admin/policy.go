package admin

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

// policyAnswer is a policy as it is shown: of a password only that there is one.
type policyAnswer struct {
	Locked      bool                 `json:"locked"`
	Capacity    int                  `json:"capacity,omitempty"`
	HasPassword bool                 `json:"hasPassword"`
	Identities  rooms.IdentityPolicy `json:"identities,omitempty"`
	Waiting     bool                 `json:"waiting,omitempty"`
	Kept        bool                 `json:"kept"`
}

func showPolicy(p rooms.Policy) policyAnswer {
	return policyAnswer{p.Locked, p.Capacity, p.Password != "", p.Identities, p.Waiting, p.Kept}
}

// maxCapacity is the most that a room's capacity can be set to, as on the command line.
const maxCapacity = 1<<31 - 1

// change is what a PATCH says of a policy: what is nil stays as it is.
type change struct {
	locked     *bool
	capacity   *int                  // 0: the server's
	password   *string               // "": none
	identities *rooms.IdentityPolicy // "": the server's
	waiting    *bool
	kept       *bool
	names      []string // of the members that were given
}

// members are what a PATCH may say, each with what reads its value.
var members = []struct {
	name string
	read func(c *change, value json.RawMessage) error
}{
	{"locked", func(c *change, v json.RawMessage) (err error) { c.locked, err = readBool("locked", v); return err }},
	{"capacity", (*change).readCapacity},
	{"password", (*change).readPassword},
	{"identities", (*change).readIdentities},
	{"waiting", func(c *change, v json.RawMessage) (err error) { c.waiting, err = readBool("waiting", v); return err }},
	{"kept", func(c *change, v json.RawMessage) (err error) { c.kept, err = readBool("kept", v); return err }},
}

// decodeChange reads the body of a PATCH. Its errors repeat no value: it might be the password.
func decodeChange(body []byte) (c change, err error) {
	var known []string
	for _, m := range members {
		known = append(known, m.name)
	}
	given, err := decodeObject(body, known...)
	if err != nil {
		return c, err
	}
	for _, m := range members {
		value, ok := given[m.name]
		if !ok {
			continue
		}
		if err := m.read(&c, value); err != nil {
			return c, err
		}
		c.names = append(c.names, m.name)
	}
	return c, nil
}

func isNull(value json.RawMessage) bool { return string(value) == "null" }

func readBool(name string, value json.RawMessage) (*bool, error) {
	var v *bool
	if json.Unmarshal(value, &v) != nil || v == nil {
		return nil, badRequest("%q must be true or false", name)
	}
	return v, nil
}

func (c *change) readCapacity(value json.RawMessage) error {
	n := 0
	if !isNull(value) && json.Unmarshal(value, &n) != nil || n < 0 || n > maxCapacity {
		return badRequest(`"capacity" must be a whole number from 0 to %d; 0 or null: the server's`, maxCapacity)
	}
	c.capacity = &n
	return nil
}

// readPassword takes null for no password. The empty string is refused: a variable that was never set must not open a room.
func (c *change) readPassword(value json.RawMessage) error {
	var v string
	if isNull(value) {
		c.password = &v
		return nil
	}
	// What is no Unicode becomes U+FFFD, and so two passwords that differ could become one.
	if json.Unmarshal(value, &v) != nil || v == "" || utf8.RuneCountInString(v) > protocol.MaxPassword || strings.ContainsRune(v, utf8.RuneError) {
		return badRequest(`"password" must be a string of 1 to %d characters, or null for none`, protocol.MaxPassword)
	}
	c.password = &v
	return nil
}

func (c *change) readIdentities(value json.RawMessage) error {
	var v rooms.IdentityPolicy
	all := []rooms.IdentityPolicy{rooms.IdentityRefuse, rooms.IdentityReplace, rooms.IdentityAllow}
	if !isNull(value) && (json.Unmarshal(value, &v) != nil || !slices.Contains(all, v)) {
		return badRequest(`"identities" must be "refuse", "replace" or "allow", or null for the server's`)
	}
	c.identities = &v
	return nil
}

// apply makes the change. It may be called more than once. The password is a digest by then.
func (c *change) apply(p *rooms.Policy) {
	set(&p.Locked, c.locked)
	set(&p.Capacity, c.capacity)
	set(&p.Password, c.password)
	set(&p.Identities, c.identities)
	set(&p.Waiting, c.waiting)
	set(&p.Kept, c.kept)
}

func set[T any](at *T, value *T) {
	if value != nil {
		*at = *value
	}
}

// govern changes the policy of a room.
func (a *API) govern(c *call) (any, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	change, err := decodeChange(body)
	if err != nil {
		return nil, err
	}
	c.changed = change.names
	if change.password != nil && *change.password != "" {
		digest := rooms.PasswordDigest(c.room, *change.password)
		change.password = &digest
	}
	wasLocked := false
	policy, err := a.rooms.Govern(c.context(), c.room, func(p *rooms.Policy) {
		wasLocked = p.Locked
		change.apply(p)
	})
	if err == nil && policy.Locked != wasLocked {
		err = signaling.SayLocked(c.context(), a.rooms, c.room, policy.Locked)
	}
	if err != nil {
		return nil, err
	}
	return showPolicy(policy), nil
}
