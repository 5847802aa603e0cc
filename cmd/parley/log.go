package main

import (
	"bytes"
	"io"
	"log"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
)

// newLogger makes the log: lines for people, coloured on a terminal, or JSON for programs.
func newLogger(s *Settings, env func(string) (string, bool), w io.Writer) zerolog.Logger {
	if s.LogFormat == logConsole {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !coloured(env, w)}
	}
	return zerolog.New(w).Level(s.LogLevel.level()).With().Timestamp().Logger()
}

// coloured follows https://no-color.org.
func coloured(env func(string) (string, bool), w io.Writer) bool {
	if no, _ := env("NO_COLOR"); no != "" {
		return false
	}
	f, ok := w.(*os.File)
	return ok && (isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()))
}

// httpLog takes what net/http has to say. Nearly all of it is the noise of clients: scanners, and browsers that do not trust
// a certificate. A panic is not.
type httpLog struct{ log zerolog.Logger }

func newHTTPLog(l zerolog.Logger) *log.Logger { return log.New(httpLog{l}, "", 0) }

// Write logs one line.
func (h httpLog) Write(line []byte) (int, error) {
	level := zerolog.DebugLevel
	if bytes.HasPrefix(line, []byte("http: panic ")) || bytes.HasPrefix(line, []byte("http: Accept error")) {
		level = zerolog.ErrorLevel
	}
	h.log.WithLevel(level).Msg(string(bytes.TrimSpace(line)))
	return len(line), nil
}
