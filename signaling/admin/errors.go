package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"parley/rooms"
)

// failure is a refusal as it is answered.
type failure struct {
	status  int
	code    string
	message string
	allowed string // methods, where another one was used
}

// Error gives the message, which is for a person.
func (f *failure) Error() string { return f.message }

func failf(status int, code, format string, args ...any) *failure {
	return &failure{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *failure {
	return failf(http.StatusBadRequest, "bad-request", format, args...)
}

// failureOf is the one place where errors become answers. What is not foreseen carries no text.
func failureOf(err error) *failure {
	var known *failure
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &long):
		return failf(http.StatusRequestEntityTooLarge, "too-large", "a body may have %d bytes", long.Limit)
	case errors.Is(err, rooms.ErrRoomUnknown):
		return failf(http.StatusNotFound, "room-unknown", "there is no such room")
	case errors.Is(err, rooms.ErrPeerUnknown):
		return failf(http.StatusNotFound, "peer-unknown", "there is no such peer in the room")
	case errors.Is(err, rooms.ErrTooManyRooms):
		return failf(http.StatusServiceUnavailable, "too-many-rooms", "there may be no more rooms than there are")
	case errors.Is(err, rooms.ErrUnavailable), timedOut(err):
		return failf(http.StatusServiceUnavailable, "unavailable", "the engine is not available; try again")
	}
	return failf(http.StatusInternalServerError, "internal", "something went wrong; the log says what")
}

// problem is the body of a refusal.
type problem struct {
	Error problemDetail `json:"error"`
}

type problemDetail struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func refuse(w http.ResponseWriter, err error) {
	f := failureOf(err)
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	if f.allowed != "" {
		w.Header().Set("Allow", f.allowed)
	}
	text, _ := encode(problem{problemDetail{f.code, f.message}}) // two strings
	write(w, f.status, text)
}

// rawJSON is an answer that is JSON already.
type rawJSON []byte

// respond writes an answer. Nothing is written if it cannot be made.
func respond(w http.ResponseWriter, answer any) error {
	if answer == nil {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	text, ready := answer.(rawJSON)
	if !ready {
		var err error
		if text, err = encode(answer); err != nil {
			return err
		}
	}
	write(w, http.StatusOK, text)
	return nil
}

func encode(answer any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(answer)
	return b.Bytes(), err
}

func write(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // an error means that the client has gone
}
