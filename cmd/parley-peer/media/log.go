package media

import (
	"fmt"

	"github.com/pion/logging"
)

// loggers is pion's logger factory. Pion's own writes to standard error, past parley-peer's log.
type loggers struct {
	to    func(level logging.LogLevel, scope, message string)
	level logging.LogLevel
}

// NewLogger implements logging.LoggerFactory.
func (l loggers) NewLogger(scope string) logging.LeveledLogger { return logger{l, scope} }

type logger struct {
	loggers
	scope string
}

func (l logger) log(level logging.LogLevel, message string) {
	if l.to != nil && level <= l.level {
		l.to(level, l.scope, message)
	}
}

// logf formats only what is wanted: pion traces every packet.
func (l logger) logf(level logging.LogLevel, format string, args []any) {
	if l.to != nil && level <= l.level {
		l.to(level, l.scope, fmt.Sprintf(format, args...))
	}
}

// Trace implements logging.LeveledLogger.
func (l logger) Trace(msg string) { l.log(logging.LogLevelTrace, msg) }

// Tracef implements logging.LeveledLogger.
func (l logger) Tracef(format string, args ...any) { l.logf(logging.LogLevelTrace, format, args) }

// Debug implements logging.LeveledLogger.
func (l logger) Debug(msg string) { l.log(logging.LogLevelDebug, msg) }

// Debugf implements logging.LeveledLogger.
func (l logger) Debugf(format string, args ...any) { l.logf(logging.LogLevelDebug, format, args) }

// Info implements logging.LeveledLogger.
func (l logger) Info(msg string) { l.log(logging.LogLevelInfo, msg) }

// Infof implements logging.LeveledLogger.
func (l logger) Infof(format string, args ...any) { l.logf(logging.LogLevelInfo, format, args) }

// Warn implements logging.LeveledLogger.
func (l logger) Warn(msg string) { l.log(logging.LogLevelWarn, msg) }

// Warnf implements logging.LeveledLogger.
func (l logger) Warnf(format string, args ...any) { l.logf(logging.LogLevelWarn, format, args) }

// Error implements logging.LeveledLogger.
func (l logger) Error(msg string) { l.log(logging.LogLevelError, msg) }

// Errorf implements logging.LeveledLogger.
func (l logger) Errorf(format string, args ...any) { l.logf(logging.LogLevelError, format, args) }
